"""Exporting a bot's data; and a whole bot that leaves and comes back, as the same identity under another
name.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.people import Person

PATIENCE = 20.0
TRIES = 5
PARTS = ("secret", "gossip", "log", "blobs", "all")


def exports(person: "Person", bot: Any) -> None:
    person.calls.file(f"/agents/{bot['id']}/export/{person.random.choice(PARTS)}", {200, 404, 409, 429})


def moves(person: "Person", bot: Any) -> None:
    """Stop, export, delete, wait until it is gone, import. Only where bots are deleted at once and nobody
    else may act.
    """
    path = f"/agents/{bot['id']}"
    if person.world.keep_days or bot["state"] != "alive" or not person.is_mine_alone(bot):
        return
    if not person.wish(bot, "POST", f"{path}/stop", "stopped"):
        return
    if not _comes(person, lambda: _seen(person, path).get("state") == "stopped"):
        return
    tar = person.calls.file(f"{path}/export/all", {200, 409, 429})
    if not tar or not person.wish(bot, "DELETE", path, "gone"):
        return
    if not _comes(person, lambda: person.calls.call("GET", path, {200, 404})[0] == 404):
        return
    if came := _brought(person, tar):
        person.journal.count("moved")
        if came["ssbId"] != bot["ssbId"]:
            person.journal.found(f"{bot['name']} was {bot['ssbId']} and came back as {came['ssbId']}")
        person.calls.call("POST", f"/agents/{came['id']}/caught-up", {202, 404, 409})


def _brought(person: "Person", tar: bytes) -> Any:
    """The bot that it became. A person who hears no answer tries again, which must not make two."""
    name = person.new_name()
    path = f"/agents/import?name={name}&stopped=for-good"
    for _ in range(TRIES):
        status, answer = person.tries(
            lambda: person.calls.call("POST", path, {201, 402, 409, 507}, file=tar)
        ) or (0, None)
        if status == 201:
            return answer
        there = [bot for bot in person.tries(person.bots) or [] if bot["name"] == name]
        if there:
            return there[0]
        if person.enough.wait(1):
            break
    return None


def _seen(person: "Person", path: str) -> Any:
    status, answer = person.calls.call("GET", path, {200, 404})
    return answer if status == 200 else {}


def _comes(person: "Person", what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if person.tries(what):
            return True
        if person.enough.wait(0.3):
            break
    return False
