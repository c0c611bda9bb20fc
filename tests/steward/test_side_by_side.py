"""Several stewards side by side: they do not go on looking at the same bots."""

import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Progress
from butt.hosts import Order, Sighting
from butt.steward import steward
from butt.steward.resting import MOST_AT_ONCE
from butt.steward.steward import Steward
from tests.people import many_bots, person

pytestmark = pytest.mark.django_db


class Host:
    """A host on which all bots run. While it looks at the bots of the first round, another steward claims them."""

    def __init__(self, *, has_another: bool) -> None:
        self._has_another = has_another
        self.looked: list[list[uuid.UUID]] = []

    def look(self, ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting]:
        self.looked.append(list(ids))
        if self._has_another and len(self.looked) == 1:
            Progress.objects.filter(bot_id__in=ids).update(due_at=timezone.now() + timedelta(seconds=10))
        ssb_ids = Progress.objects.filter(bot_id__in=ids).values_list("bot_id", "ssb_id")
        return {bot_id: Sighting(running=True, ssb_id=ssb_id) for bot_id, ssb_id in ssb_ids}

    def apply(self, _: Order) -> None:
        pass


@pytest.fixture
def waiting() -> list[uuid.UUID]:
    """Many bots that are due, in order."""
    many_bots(person("alice"), 5 * MOST_AT_ONCE)
    now = timezone.now() - timedelta(hours=1)
    ids = list(Progress.objects.order_by("port").values_list("bot_id", flat=True))
    for number, bot_id in enumerate(ids):
        Progress.objects.filter(bot_id=bot_id).update(due_at=now + timedelta(seconds=number))
    return ids


def test_one_alone_looks_at_those_that_wait_longest(waiting: list[uuid.UUID]):
    host = Host(has_another=False)
    one = Steward(host, ())  # type: ignore[arg-type]
    assert one.round()
    assert one.round()
    assert host.looked == [waiting[:MOST_AT_ONCE], waiting[MOST_AT_ONCE : 2 * MOST_AT_ONCE]]


def test_one_that_came_second_does_not_go_on_looking_at_the_same(waiting: list[uuid.UUID]):
    host = Host(has_another=True)
    one = Steward(host, ())  # type: ignore[arg-type]
    assert not one.round(), "all of them are the other's"
    assert one.round()
    first, second = host.looked
    assert not {*first} & {*second}
    assert len(second) == MOST_AT_ONCE
    assert second != waiting[MOST_AT_ONCE : 2 * MOST_AT_ONCE], "those the other steward looks at, too"


def test_it_is_alone_again_some_time_later(waiting: list[uuid.UUID], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steward, "SHARES_FOR", -1.0)
    host = Host(has_another=True)
    one = Steward(host, ())  # type: ignore[arg-type]
    one.round()
    one.round()
    assert host.looked[1] == waiting[MOST_AT_ONCE : 2 * MOST_AT_ONCE]
