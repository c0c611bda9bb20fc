"""People pay, sometimes with cards that are declined. In the end each pays once for the bots that lived."""

import contextlib
import re
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chaos.calls import Cut
from chaos.journal import Journal
from chaos.processes import Processes
from tests.billing.bank import DECLINED, EMPTY, GOOD, NO_ANSWER, SECURE, Bank, quantity_of

if TYPE_CHECKING:
    from chaos.people import Person

CARDS = (GOOD, GOOD, GOOD, SECURE, EMPTY, DECLINED)
SECRET = re.compile(r'data-secret="([^"]+)"')
SETTLED = 60.0


def pays(person: "Person", bot: Any) -> None:  # noqa: ARG001 - it is for all of their bots
    """Enter a card, try again, cancel, or take the cancellation back."""
    if not person.signs_in():
        return
    page = person.random.choice(("card", "card", "pay", "cancel", "resume"))
    if page == "card":
        enters_card(person, person.random.choice(CARDS))
    else:
        shown = person.calls.page("/billing/cancel" if page == "cancel" else "/billing")
        person.calls.sends(shown, f"/billing/{page}")


def see_to_it(person: "Person") -> None:
    """A payment is due before the person can have one more bot."""
    if person.signs_in():
        person.calls.sends(person.calls.page("/billing"), "/billing/resume")
        enters_card(person, person.random.choice(CARDS))


def mends(person: "Person") -> bool:
    """When all is well again, everybody has a good card and goes on paying, whether or not that call
    arrived.
    """
    if not person.signs_in():
        return False
    resumed = person.calls.sends(person.calls.page("/billing"), "/billing/resume")
    return resumed.status_code == 200 and enters_card(person, GOOD)


def enters_card(person: "Person", number: str) -> bool:
    """Whether it was accepted."""
    shown = person.calls.page("/billing/card")
    secret = SECRET.search(shown.text)
    if not secret:
        return False
    try:
        setup = person.world.bank.confirm(number, secret[1])
    except NO_ANSWER:
        # A person whose card is declined enters another one, another time.
        person.journal.count("card refused")
        return False
    after = person.calls.sends(shown, "/billing/card", setup=setup)
    taken = after.status_code == 200 and after.url.endswith("/billing")
    person.journal.count("card taken" if taken else "card not taken")
    return taken


class Watch(threading.Thread):
    """Watches all the time that no more bots are charged for than ever ran."""

    def __init__(self, bank: Bank, processes: Processes, journal: Journal) -> None:
        super().__init__(daemon=True)
        self.bank, self.processes, self.journal = bank, processes, journal
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(1.0):
            with contextlib.suppress(*NO_ANSWER):
                self.look()

    def look(self) -> None:
        charged = sum(map(quantity_of, self.bank.live()))
        ran = len(self.processes.folders())
        if charged > ran:
            self.journal.found(f"{charged} bots are charged for, and only {ran} ever ran")


def is_right(people: Sequence["Person"], bank: Bank, journal: Journal) -> None:
    deadline = time.monotonic() + SETTLED
    for person in people:
        while trouble := wrong(person, bank):
            if time.monotonic() > deadline:
                journal.found(f"the money of {person.name} is not right: {trouble}")
                break
            time.sleep(1)


def wrong(person: "Person", bank: Bank) -> str:
    """What is wrong with their money; empty if all is well."""
    if not person.id:
        return ""
    try:
        customers = bank.customers_marked(person.id)
        live = [each for one in customers for each in bank.live(customer=one["id"])]
        lived = [bot["name"] for bot in person.bots() if person.is_mine(bot) and _is_paid_for(person, bot)]
    except (*NO_ANSWER, Cut) as trouble:
        return f"nobody says: {trouble!r}"
    told = [(quantity_of(each), each["status"], each["cancel_at_period_end"]) for each in live]
    wanted = [(len(lived), "active", False)] if lived else []
    if len(customers) > 1 or told != wanted:
        return f"{len(customers)} customers, subscriptions {told}, expected {wanted} for {lived}"
    return ""


def _is_paid_for(person: "Person", bot: Any) -> bool:
    """Whether it was alive once, which its samples show, and is not being deleted."""
    if bot["wanted"] == "gone":
        return False
    _, answer = person.calls.call("GET", f"/agents/{bot['id']}/samples?range=1h", {200})
    return bool(answer and answer["rows"])
