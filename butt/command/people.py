"""Commands for people who have bots at a service: the public API from a terminal."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from butt.client import kept
from butt.client.api import ApiClient, ApiError, Download
from butt.command import cli
from butt.figures import units
from butt.services.interface import ACTIONS_IN_WORDS
from scuttlekit.files import whole_file

SETTLED = {"alive", "stopped", "broken", "unpaid", "leaving"}
LONGEST_WAIT = 15 * 60
TICK = 0.5
ELSEWHERE = frozenset({"upgrade", "rebuild", "delete", "restore"})
"""The actions that have a command of their own, or only a page and a call."""

PARTS = ("secret", "gossip", "log", "blobs", "all")

as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def answering(command: Callable[..., tuple[Any, str]]) -> Callable[..., None]:
    """A command that returns its answer and what to print of it; with `--json`, the answer itself is printed."""

    @as_json
    @wraps(command)
    def run(*given: Any, as_json: bool, **options: Any) -> None:
        answer, text = command(*given, **options)
        if as_json:
            print_json(answer)
        elif text:
            click.echo(text)

    return run


def complete_names(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    login = kept.recall()
    if login is None:
        return []
    try:
        bots = ApiClient(login.url, login.token, read_seconds=2).bots()
    except ApiError:
        return []
    return [CompletionItem(b["name"], help=b["state"]) for b in bots if b["name"].startswith(begun)]


bot_name = click.argument("name", shell_complete=complete_names)


def api_of_login() -> ApiClient:
    login = kept.recall()
    if login is None:
        raise click.ClickException("You are not logged in. Run `butt login URL`.")
    return ApiClient(login.url, login.token)


@cli.command()
@click.argument("url")
@click.option("--email", prompt="email", help="The email address to log in with.")
@click.option(
    "--password", prompt=True, hide_input=True, help="Leave it out to be asked for it, which is safer."
)
@answering
def login(url: str, email: str, password: str) -> tuple[Any, str]:
    """Log in to the service at URL; the access token is kept for the commands below."""
    if "://" not in url:
        url = f"https://{url}"
    api, body = ApiClient(url), {"email": email, "password": password}
    try:
        answer = api.call("POST", "/authentication/sign-in", body)
    except ApiError as trouble:
        if trouble.code != "second_factor":
            raise
        body["code"] = click.prompt("code of your second factor")
        answer = api.call("POST", "/authentication/sign-in", body)
    kept.keep(kept.Login(api.url, email, answer["accessToken"]))
    # The token stays in its file: printed output ends up in logs.
    return {"url": api.url, "agent": answer["agent"]}, f"You are logged in to {api.url}."


@cli.command()
def logout() -> None:
    """Forget the access token."""
    click.echo("You are logged out." if kept.forget() else "You were not logged in.")


@cli.command()
@answering
def bots() -> tuple[Any, str]:
    """List your bots."""
    found = api_of_login().bots()
    width = max((len(bot["name"]) for bot in found), default=0)
    lines = [f"{bot['name']:{width}}  {_state(bot)}" for bot in found]
    return found, "\n".join(lines or ["You have no bots."])


@cli.command()
@bot_name
@answering
def status(name: str) -> tuple[Any, str]:
    """Show a bot's status."""
    bot = api_of_login().bot(name)
    return bot, "\n".join(f"{what}: {value}" for what, value in _figures(bot))


@cli.command()
@bot_name
@click.option("--for", "whom", default="", help="A name for it. Only you see it.")
@click.option("--uses", type=click.IntRange(1), default=1, help="How often it can be used.")
@answering
def invite(name: str, whom: str, uses: int) -> tuple[Any, str]:
    """Make an invite to a bot and print its code and link."""
    api = api_of_login()
    body = {"name": whom or "friend", "uses": uses}
    made = api.call("POST", f"/agents/{api.bot(name)['id']}/invites", body)
    return made, f"{made['code']}\n{made['url']}"


@cli.command("open")
@bot_name
@click.option("--a-day", type=click.IntRange(0), help="How many people a day it invites; 0: nobody.")
@answering
def open_page(name: str, a_day: int | None) -> tuple[Any, str]:
    """Let a bot's public page invite this many people a day. Without a number, show the current one."""
    api = api_of_login()
    path = f"/agents/{api.bot(name)['id']}/open-invites"
    page = api.call("GET", path) if a_day is None else api.call("PUT", path, {"aDay": a_day})
    return page, f"{page['aDay']} a day, {page['leftToday']} left today\n{page['url']}"


def _add_action(action: str, words: str) -> None:
    @cli.command(action, help=words)
    @bot_name
    @click.option("--wait/--no-wait", default=True, help="Wait until it is done, or return at once.")
    @as_json
    def ask(name: str, wait: bool, as_json: bool) -> None:
        ask_of(api_of_login(), action, name, wait=wait, as_json=as_json)


for name, words in ACTIONS_IN_WORDS.items():
    if name not in ELSEWHERE:
        _add_action(name, words)


def ask_of(api: ApiClient, action: str, name: str, *, wait: bool, as_json: bool) -> None:
    """Ask for `action` and follow the bot until it is at rest. Exits with 1 if it is broken."""
    bot = api.call("POST", f"/agents/{api.bot(name)['id']}/{action}")
    said, deadline = "", time.monotonic() + LONGEST_WAIT
    while True:
        if not as_json and bot["state"] != said:
            said = bot["state"]
            click.echo(_state(bot))
        if not wait or bot["state"] in SETTLED or time.monotonic() > deadline:
            break
        time.sleep(TICK)
        bot = api.call("GET", f"/agents/{bot['id']}")
    if as_json:
        print_json(bot)
    if bot["state"] == "broken":
        sys.exit(1)


@cli.command()
@bot_name
@click.argument("part", type=click.Choice(PARTS), default="all")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="The file to write, `-` for standard output; default: its own name.",
)
@as_json
def export(name: str, part: str, to: Path | None, as_json: bool) -> None:
    """Export a bot's data: its secret, gossip, log, blobs, or all of them."""
    api = api_of_login()
    with api.download(f"/agents/{api.bot(name)['id']}/export/{part}") as download:
        if str(to) == "-":
            for chunk in download.chunks:
                sys.stdout.buffer.write(chunk)
            return
        target = to or Path(download.name)
        _save(download, target)
    size = target.stat().st_size
    if as_json:
        print_json({"part": part, "file": str(target), "size": size})
    else:
        click.echo(f"{target}: {size:,} bytes")
    if part in {"secret", "all"}:
        click.echo(
            "Anybody with this secret can act as your bot. Run it elsewhere only after this bot is deleted:",
            err=True,
        )
        click.echo("the same identity in two places forks its feed for ever.", err=True)


def _save(download: Download, target: Path) -> None:
    """Saved under another name until it is complete: a download that was cut off is never taken for an export."""
    if target.exists():
        raise click.ClickException(f"{target} exists. Give another name with --to.")
    try:
        with whole_file(target) as file, _progress(download) as progress:
            for chunk in download.chunks:
                file.write(chunk)
                progress(len(chunk))
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None


@contextmanager
def _progress(download: Download) -> Iterator[Callable[[int], None]]:
    if download.size is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=download.size, label=download.name, file=sys.stderr) as bar:
        yield bar.update


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for your shell: `eval "$(butt completion bash)"`."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    click.echo(found(cli, {}, "butt", "_BUTT_COMPLETE").source())


def _state(bot: Any) -> str:
    return f"#{bot['state']}" + (f"  {bot['reason']}" if bot["reason"] else "")


def _figures(bot: Any) -> Iterator[tuple[str, str]]:
    seen = bot["status"]
    came, went = seen["bandwidth"]["in"], seen["bandwidth"]["out"]
    yield "status", _state(bot)
    for what, value, say in (
        ("uptime", seen["uptime"], units.duration),
        ("disk usage", seen["disk"], units.size),
        ("bandwidth usage", None if came is None or went is None else came + went, units.size),
        ("memory usage", seen["memory"], units.size),
        ("peers", seen["peers"], units.number),
        ("network", bot["network"], str),
        ("address", bot["address"], str),
        ("id", bot["ssbId"], str),
    ):
        if value is not None:
            yield what, say(value)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
