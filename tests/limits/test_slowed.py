"""Who is slowed down is written down, and forgotten after a day."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from butt.limits import slowed
from butt.limits.models import Slowed
from butt.limits.table import HEAD_BYTES, IMPORTS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_noted() -> None:
    slowed.write_noted()
    Slowed.objects.all().delete()


def rows() -> dict[tuple[str, str], int]:
    return {(row.limit, row.who): row.times for row in Slowed.objects.all()}


def test_each_is_counted_and_all_of_a_limit_together():
    for who in ("address 192.0.2.1/32", "address 192.0.2.1/32", "address 192.0.2.2/32"):
        slowed.note(HEAD_BYTES, who)
    slowed.write_noted()
    slowed.note(HEAD_BYTES, "address 192.0.2.1/32")
    slowed.note(IMPORTS, "person 1")
    slowed.write_noted()
    assert rows() == {
        ("head-bytes", "address 192.0.2.1/32"): 3,
        ("head-bytes", "address 192.0.2.2/32"): 1,
        ("head-bytes", ""): 4,
        ("imports", "person 1"): 1,
        ("imports", ""): 1,
    }


def test_of_a_crowd_those_who_try_most_are_named_and_the_others_counted_together():
    for number in range(slowed.MOST_NOTED + 50):
        slowed.note(HEAD_BYTES, f"address {number}")
    for _ in range(2):
        slowed.note(HEAD_BYTES, "address 900")
    slowed.write_noted()
    noted = rows()
    assert noted["head-bytes", "address 900"] == 3
    assert noted["head-bytes", ""] == slowed.MOST_NOTED + 52
    assert sum(times for (_, who), times in noted.items() if who) == noted["head-bytes", ""]
    assert len(noted) <= slowed.MOST_NAMED + 2


def test_a_crowd_fills_no_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slowed, "MOST_ROWS", 10)
    for round_ in range(3):
        for number in range(8):
            slowed.note(HEAD_BYTES, f"address {round_}.{number}")
        slowed.write_noted()
    slowed.forget_old(timezone.now())
    named = {who for _, who in rows() if who}
    assert len(named) <= 10
    assert {f"address 2.{number}" for number in range(8)} <= named, "the newest stay"


def test_names_are_forgotten_after_a_day_and_totals_stay():
    slowed.note(HEAD_BYTES, "address 192.0.2.1/32")
    slowed.write_noted()
    slowed.forget_old(timezone.now())
    assert len(rows()) == 2
    slowed.forget_old(timezone.now() + timedelta(days=2))
    assert rows() == {("head-bytes", ""): 1}


def test_what_cannot_be_written_is_not_lost(monkeypatch: pytest.MonkeyPatch):
    slowed.note(HEAD_BYTES, "address 192.0.2.1/32")
    with monkeypatch.context() as broken:
        broken.setattr(slowed.timezone, "now", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            slowed.write_noted()
    slowed.write_noted()
    assert rows()["head-bytes", ""] == 1


def test_what_can_be_written_in_part_only_is_not_counted_twice():
    slowed.note(HEAD_BYTES, "address 192.0.2.1/32")
    inserted = 0

    def full_disk(execute: Any, sql: str, *given: Any) -> Any:
        nonlocal inserted
        if "INSERT" in sql:
            inserted += 1
            execute(sql, *given)
            raise OperationalError("database or disk is full")
        return execute(sql, *given)

    with connection.execute_wrapper(full_disk), pytest.raises(OperationalError):
        slowed.write_noted()
    assert inserted == 1
    slowed.write_noted()
    assert rows() == {("head-bytes", ""): 1, ("head-bytes", "address 192.0.2.1/32"): 1}
