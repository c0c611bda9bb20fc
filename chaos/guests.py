"""Invites are made, used and taken back. Every guest is listed, and a code that was taken back lets nobody
in.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scuttlekit import InviteCode, KeyPair, RemoteError, ScuttlebuttError

if TYPE_CHECKING:
    from chaos.people import Person

USES = 3
MOST_TRIED = 3
PATIENCE = 5.0


@dataclass
class Invited:
    """`revoked` is None if nobody knows; `guests` are those that the pub itself let in."""

    id: str
    code: str
    revoked: bool | None = False
    guests: list[str] = field(default_factory=list)


def invites(person: "Person", bot: Any) -> None:
    body = {"name": "a friend", "uses": USES}
    status, answer = person.calls.call("POST", f"/agents/{bot['id']}/invites", {201, 404, 409, 503}, body)
    if status == 201:
        person.invites.setdefault(bot["id"], []).append(Invited(answer["id"], answer["code"]))


def revokes(person: "Person", bot: Any) -> None:
    open_ones = [one for one in person.invites.get(bot["id"], []) if not one.revoked]
    if open_ones:
        one = person.random.choice(open_ones)
        one.revoked = None
        status, _ = person.calls.call("DELETE", f"/agents/{bot['id']}/invites/{one.id}", {204, 404, 409})
        if status == 204:
            one.revoked = True


def lets_somebody_in(person: "Person", bot: Any) -> None:
    """Sometimes a friend with an ssb-server of their own, otherwise somebody new with our client."""
    known = person.invites.get(bot["id"], [])
    if not known or bot["state"] != "alive":
        return
    one = person.random.choice(known)
    if person.random.random() < 0.3:
        guest, use = person.world.friend.id, lambda: person.world.friend.accept(one.code, PATIENCE)
    else:
        guest = KeyPair.generate().id
        use = lambda: asyncio.run(InviteCode.parse(one.code).use(guest, timeout=PATIENCE))  # noqa: E731
    was_revoked = one.revoked
    with contextlib.suppress(ScuttlebuttError, OSError, TimeoutError):
        use()
        one.guests.append(guest)
        person.journal.count("let in")
        if was_revoked:
            person.journal.found(f"{bot['name']} let somebody in by an invite that was taken back")


def are_told_of(people: Sequence["Person"], bots: list[Any]) -> None:
    """Checked where the bot is alive; elsewhere the pub reads its feed when it runs again."""
    alive = {bot["id"]: bot for bot in bots if bot["state"] == "alive"}
    for person in people:
        for bot_id, made in person.invites.items():
            if bot_id in alive and made:
                person.tries(_check, person, alive[bot_id], made)


def _check(person: "Person", bot: Any, made: list[Invited]) -> None:
    status, answer = person.calls.call("GET", f"/agents/{bot['id']}/invites", {200, 404})
    if status != 200:
        return
    listed = {one["id"]: one for one in answer["invites"]}
    for one in made:
        if one.id not in listed:
            person.journal.found(f"{bot['name']} knows nothing of invite {one.id}, which it made")
            continue
        used = [use["ssbId"] for use in listed[one.id]["used"]]
        if missing := set(one.guests) - set(used):
            person.journal.found(f"{bot['name']} tells nothing of {missing}, whom it let in")
        if len(set(used)) > USES:
            person.journal.found(f"{bot['name']} let {len(used)} in by an invite for {USES}")
    for one in [one for one in made if one.revoked][:MOST_TRIED]:
        try:
            asyncio.run(InviteCode.parse(one.code).use(KeyPair.generate().id, timeout=PATIENCE))
        except RemoteError as no:
            if not no.is_not_allowed:
                person.journal.found(f"{bot['name']} refuses an invite that was taken back with {no!r}")
        else:
            person.journal.found(f"{bot['name']} lets in by invite {one.id}, which was taken back")
