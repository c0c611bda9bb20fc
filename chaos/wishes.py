"""What people want of their bots; in the end each bot is as wanted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chaos.code import Code
from chaos.journal import Journal

if TYPE_CHECKING:
    from chaos.people import Person

WISHES = {"start": "running", "stop": "stopped", "restart": "running", "upgrade": None, "rebuild": None}


def asks(person: "Person", bot: Any) -> None:
    action = person.random.choice(list(WISHES))
    person.wish(bot, "POST", f"/agents/{bot['id']}/{action}", WISHES[action])


def deletes(person: "Person", bot: Any) -> None:
    if person.random.random() < 0.5:
        person.wish(bot, "DELETE", f"/agents/{bot['id']}", "gone")
    else:
        person.wish(bot, "POST", f"/agents/{bot['id']}/restore", None)


def describes(person: "Person", bot: Any) -> None:
    words, known = f"{person.random.random()}", person.is_mine_alone(bot)
    before = person.said.get(bot["id"], "")
    person.said[bot["id"]] = None
    status, _ = person.calls.call("PATCH", f"/agents/{bot['id']}", {200, 404}, {"description": words})
    person.said[bot["id"]] = (words if status == 200 else before) if known else None


def looks(person: "Person", bot: Any) -> None:
    person.calls.call("GET", f"/agents/{bot['id']}/samples?range=1h", {200, 404})
    person.calls.call("GET", "/belongs", {200})
    for path in ("status", "log", "invites", "people"):
        person.calls.page(f"/bots/{bot['name']}/{path}")


def leaves_what_crashes(person: "Person", code: Code) -> bool:
    """Whether none of their bots runs code that crashes: a bot that was made with it has no earlier code to
    go back to.
    """
    running = [bot for bot in person.bots() if bot["wanted"] == "running"]
    stuck = [bot for bot in running if bot["release"] and code.crashes(bot["release"])]
    for bot in stuck:
        person.wish(bot, "POST", f"/agents/{bot['id']}/upgrade", None)
    return not stuck and all(bot["release"] for bot in running)


def are_granted(people: Sequence["Person"], bots: list[Any], journal: Journal) -> None:
    wanted = {bot["id"]: bot["wanted"] for bot in bots}
    said = {bot["id"]: bot["description"] for bot in bots}
    for person in people:
        for bot_id, wish in person.wanted.items():
            if wish and bot_id not in person.shared and wanted.get(bot_id, "gone") != wish:
                journal.found(f"{person.name} was told {wish} for {bot_id}; it is {wanted.get(bot_id)}")
        for bot_id, words in person.said.items():
            if words and bot_id not in person.shared and said.get(bot_id, words) != words:
                journal.found(f"{person.name} said {words} of {bot_id}; it says {said[bot_id]}")
