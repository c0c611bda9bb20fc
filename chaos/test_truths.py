"""The checks find faults: each one is shown something that must not be."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chaos import money, samples, wishes
from chaos.disturbances import Disturbance, Disturbances
from chaos.journal import Journal
from chaos.messages import Spoken
from chaos.processes import Life


class Answers:
    """A person to whom the service reports `samples` and `bots`."""

    def __init__(self, samples: list[float], bots: list[Any]) -> None:
        self.name, self.id, self.shared = "ada", "1", set[str]()
        self.wanted: dict[str, str | None] = {}
        self.said: dict[str, str | None] = {}
        self.rows = [[datetime.fromtimestamp(at, UTC).isoformat()] for at in samples]
        self.calls = SimpleNamespace(call=lambda *_: (200, {"rows": self.rows}))
        self.bots = lambda: bots
        self.tries = lambda what, *given: what(*given)
        self.is_mine = lambda _: True


def disturbed(*stretches: tuple[float, float]) -> Disturbances:
    there = Disturbances()
    for begin, end in stretches:
        there.add(Disturbance(begin, end, ""))
    return there


def lives(first: float, last: float) -> Any:
    return SimpleNamespace(lives=lambda: {7: Life("b", first, last)})


@pytest.mark.parametrize(
    ("seen", "wrong", "found"),
    [
        ([1000, 1010, 1020, 1030, 1040], [], 0),
        ([1000, 1010, 1040], [], 1),
        ([1000, 1010, 1040], [(1012, 1013)], 0),
        ([1000, 1010, 1100], [(1012, 1013)], 1),
        ([], [(900, 1100)], 0),
    ],
)
def test_a_gap_in_the_samples_is_found_unless_a_fault_explains_it(
    seen: list[float], wrong: list[tuple[float, float]], found: int
) -> None:
    journal = Journal()
    people: Any = [Answers(seen, [])]
    samples.are_kept(people, [{"id": "b"}], lives(985, max([1050, *seen])), disturbed(*wrong), journal)
    assert len(journal.findings) == found


def test_a_message_that_differs_from_an_earlier_copy_is_a_fork() -> None:
    spoken = Spoken(journal := Journal())
    for key in ("a", "a", "b"):
        spoken.heard("feed", {"key": key, "value": {"sequence": 1}})
    assert journal.findings == ["feed forked at 1: a and b"]


def test_an_accepted_wish_that_is_not_fulfilled_is_found() -> None:
    ada: Any = Answers([], [])
    ada.wanted = {"b": "stopped", "c": "gone", "d": None}
    ada.said = {"b": "hello"}
    bots = [
        {"id": "b", "wanted": "running", "description": "hello"},
        {"id": "d", "wanted": "running", "description": ""},
    ]
    wishes.are_granted([ada], bots, journal := Journal())
    assert journal.findings == ["ada was told stopped for b; it is running"]


def subscription(quantity: int) -> Any:
    return {"status": "active", "cancel_at_period_end": False, "items": {"data": [{"quantity": quantity}]}}


@pytest.mark.parametrize(
    ("quantity", "customers", "right"), [(1, 1, True), (2, 1, False), (0, 1, False), (1, 2, False)]
)
def test_people_are_charged_for_exactly_the_bots_that_lived(
    quantity: int, customers: int, right: bool
) -> None:
    ada: Any = Answers([1000], [{"id": "b", "name": "ada-1", "wanted": "running"}])
    live = [subscription(quantity)] if quantity else []
    bank: Any = SimpleNamespace(
        customers_marked=lambda _: [{"id": f"cus_{n}"} for n in range(customers)],
        live=lambda customer: live if customer == "cus_0" else [],
    )
    assert (money.wrong(ada, bank) == "") is right
