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


def test_a_crowd_is_counted_in_one_row():
    for number in range(slowed.MOST_NOTED + 50):
        slowed.note(HEAD_BYTES, f"address {number}")
    slowed.write_noted()
    assert rows()["head-bytes", slowed.MANY] == 50
    assert len(rows()) == slowed.MOST_NOTED + 2


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
        if sql.startswith("INSERT"):
            inserted += 1
            if inserted == 2:
                raise OperationalError("database or disk is full")
        return execute(sql, *given)

    with connection.execute_wrapper(full_disk), pytest.raises(OperationalError):
        slowed.write_noted()
    slowed.write_noted()
    assert rows() == {("head-bytes", ""): 1, ("head-bytes", "address 192.0.2.1/32"): 1}
