"""Commands for people who have bots at a service: a bot's network, and how the bot is known there."""

import time
from typing import Any
from urllib.parse import quote, urlencode

import click

from butt.client.api import ApiError
from butt.command import cli
from butt.command.people import TICK, answering, api_of_login, bot_name
from butt.figures import units

LONGEST_WAIT = 120


@cli.command()
@click.argument("name")
@click.option(
    "--network", default="main", help="main, oasis, or a network key in base64. It cannot be changed."
)
@click.option("--service", default="pub", help="pub, or room, which keeps no messages. It cannot be changed.")
@answering
def create(name: str, network: str, service: str) -> tuple[Any, str]:
    """Make a bot."""
    body = {"type": "bot", "name": name, "service": service, "network": network}
    made = api_of_login().call("POST", "/agents", body)
    return made, f"Made {made['name']}, a {made['service']} in the network {made['network']}."


@cli.command()
@bot_name
@click.option("--hops", type=click.IntRange(0, 3), help="How far in the follow graph it keeps messages.")
@click.option("--announce/--no-announce", default=None, help="Whether its feed announces its address.")
@answering
def network(name: str, hops: int | None, announce: bool | None) -> tuple[Any, str]:
    """Show or change how a bot takes part in its network."""
    api = api_of_login()
    bot = api.bot(name)
    asked = {"hops": hops, "announced": announce}
    changes = {field: value for field, value in asked.items() if value is not None}
    if changes:
        bot = api.call("PATCH", f"/agents/{bot['id']}", changes)
    others = api.call("GET", f"/agents/{bot['id']}/peers")["peers"]
    announced = "yes" if bot["announced"] else "no"
    lines = [f"network: {bot['network']}", f"hops: {bot['hops']}", f"announced: {announced}"]
    return {**bot, "otherPubs": others}, "\n".join([*lines, *map(_result, others)])


@cli.command()
@bot_name
@click.option("--disk-gib", type=float, help="How much disk it may use; 0 means the operator's limit.")
@click.option("--blobs-gib", type=float, help="How much disk all blobs may use.")
@click.option("--blob-mib", type=float, help="How large one blob may be that it fetches.")
@click.option("--traffic-gib", type=float, help="How much may go over its network in a month, in and out.")
@click.option(
    "--far-blob-days",
    type=int,
    help="How long to keep blobs that neither it nor anybody it follows links to.",
)
@answering
def limits(
    name: str,
    disk_gib: float | None,
    blobs_gib: float | None,
    blob_mib: float | None,
    traffic_gib: float | None,
    far_blob_days: int | None,
) -> tuple[Any, str]:
    """Show or change how much disk and traffic a bot may use."""
    asked = {
        "disk": None if disk_gib is None else int(disk_gib * 2**30),
        "blobs": None if blobs_gib is None else int(blobs_gib * 2**30),
        "blob": None if blob_mib is None else int(blob_mib * 2**20),
        "farBlobDays": far_blob_days,
        "traffic": None if traffic_gib is None else int(traffic_gib * 2**30),
    }
    # 0 removes a limit, for which the API takes null.
    changes = {field: value or None for field, value in asked.items() if value is not None}
    api = api_of_login()
    bot = api.bot(name)
    if changes:
        bot = api.call("PATCH", f"/agents/{bot['id']}", {"limits": changes})
    set_to, room, month = bot["limits"], bot["status"].get("room"), bot["status"].get("traffic")
    lines = [
        f"{field}: {value if field == 'farBlobDays' else units.size(value)}"
        for field, value in set_to.items()
    ]
    lines += [f"taken by {part}: {units.size(room[part])}" for part in ("log", "blobs", "rest") if room]
    if month:
        came_in, went_out = units.size(month["in"]), units.size(month["out"])
        lines.append(f"traffic in {month['month']}: {came_in} in, {went_out} out")
    return {"limits": set_to, "room": room, "traffic": month}, "\n".join(lines)


@cli.command()
@bot_name
@click.argument("feed")
@click.option("--stop", is_flag=True, help="Stop following it.")
@answering
def follow(name: str, feed: str, stop: bool) -> tuple[Any, str]:
    """Make a bot follow a feed, given its id or SSB URI."""
    answer = _relate(name, feed, "none" if stop else "follows")
    return answer, f"{name} {'does not follow' if stop else 'follows'} {answer['ssbId']}."


@cli.command()
@bot_name
@click.argument("feed")
@click.option("--undo", is_flag=True, help="Unblock it.")
@answering
def block(name: str, feed: str, undo: bool) -> tuple[Any, str]:
    """Make a bot block a feed, given its id or SSB URI. The block is public in the bot's feed."""
    answer = _relate(name, feed, "none" if undo else "blocks")
    return answer, f"{name} {'does not block' if undo else 'blocks'} {answer['ssbId']}."


def _relate(name: str, feed: str, relation: str) -> Any:
    api = api_of_login()
    path = f"/agents/{api.bot(name)['id']}/members/{quote(feed, safe='')}"
    return api.call("PUT", path, {"relation": relation})


@cli.command()
@bot_name
@click.option("--search", default="", help="Part of a name, or an id.")
@click.option(
    "--sort",
    default="-since",
    help="since, name, seen, messages, bytes or blobBytes; a leading - reverses the order.",
)
@click.option(
    "--relation", type=click.Choice(["follows", "blocks", "none"]), help="Show only people in this relation."
)
@answering
def members(name: str, search: str, sort: str, relation: str | None) -> tuple[Any, str]:
    """List the people a bot follows and blocks."""
    asked = {"q": search, "sort": sort, **({"relation": relation} if relation else {})}
    api = api_of_login()
    path, found = f"/agents/{api.bot(name)['id']}/members", []
    while True:
        answer = api.call("GET", f"{path}?{urlencode(asked)}")
        found += answer["members"]
        if "next" not in answer:
            break
        asked["after"] = answer["next"]
    return found, "\n".join(
        f"{member['ssbId']}  {member['relation']}  {units.number(member['messages'])} messages, "
        f"{units.size(member['bytes'] + member['blobBytes'])}  {member.get('name', '')}"
        for member in found
    )


@cli.command()
@bot_name
@click.argument("email", default="")
@click.option("--role", type=click.Choice(["owner", "moderator"]), help="Give them this role.")
@click.option(
    "--remove", is_flag=True, help="Stop sharing it with this moderator, or withdraw an invitation."
)
@click.option("--invite", is_flag=True, help="Invite them by email, with --role as their role.")
@answering
def people(name: str, email: str, role: str | None, remove: bool, invite: bool) -> tuple[Any, str]:
    """List who shares a bot, invite somebody, or change what the one with EMAIL may do."""
    if (role is not None or invite) + remove != bool(email):
        raise click.UsageError(
            "Give an email address with either --invite, --role or --remove, or none of them."
        )
    api = api_of_login()
    path = f"/agents/{api.bot(name)['id']}/people"
    found = api.call("GET", path)
    if invite:
        found = api.call("POST", path, {"email": email, **({"role": role} if role else {})})
    elif email:
        theirs = _with_address(found["people"], email)
        asked = _with_address(found["invited"], email) if remove else None
        if theirs and role:
            api.call("PUT", f"{path}/{theirs['id']}", {"role": role})
        elif theirs:
            api.call("DELETE", f"{path}/{theirs['id']}")
        elif asked:
            api.call("DELETE", f"{path}/invited/{asked['id']}")
        else:
            raise ApiError("not_found", f"Nobody with the address {email} shares {name}.")
        found = api.call("GET", path)
    lines = [f"{each['email']}  {each['role']}" for each in found["people"]]
    lines += [f"{each['email']}  invited as {each['role']}" for each in found["invited"]]
    return found, "\n".join(lines)


def _with_address(people: list[dict[str, Any]], email: str) -> dict[str, Any] | None:
    return next((each for each in people if each["email"] == email.strip().lower()), None)


@cli.command()
@bot_name
@click.argument("invite")
@click.option("--wait/--no-wait", default=True, help="Wait until it is done, or return at once.")
@answering
def join(name: str, invite: str, wait: bool) -> tuple[Any, str]:
    """Make a bot use another pub's invite, or connect to its address."""
    api = api_of_login()
    path = f"/agents/{api.bot(name)['id']}/peers"
    # The service tells an invite from an address.
    pub, deadline = api.call("POST", path, {"invite": invite}), time.monotonic() + LONGEST_WAIT
    while wait and not (pub["joinedAt"] or pub["reason"]) and time.monotonic() < deadline:
        time.sleep(TICK)
        pub = next(other for other in api.call("GET", path)["peers"] if other["id"] == pub["id"])
    if pub["reason"]:
        raise ApiError("not_joined", pub["reason"])
    return pub, _result(pub)


def _result(pub: dict[str, str]) -> str:
    result = f"joined {pub['joinedAt']}" if pub["joinedAt"] else pub["reason"] or "waits for the bot"
    return f"{pub['address']}  {result}"
