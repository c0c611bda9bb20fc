from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from butt.agents.states import State
from butt.figures.models import Sample
from tests.api.test_api import caller, stranger
from tests.figures.history import MIB, history, sample
from tests.people import bot_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("chosen", "resolution", "count"),
    [("1h", 10, 360), ("24h", 60, 1440), ("30d", 3600, 720), ("1y", 86400, 365)],
)
def test_a_range_has_at_most_500_rows(chosen: str, resolution: int, count: int):
    person, alice = caller("alice")
    bot = bot_in(State.ALIVE, person)
    history(bot, timezone.now(), resolution, count + 5)
    status, answer = alice("GET", f"/agents/{bot.id}/samples?range={chosen}")
    assert status == 200
    assert 350 < len(answer["rows"]) <= 500
    assert [row[0] for row in answer["rows"]] == sorted(row[0] for row in answer["rows"])
    last = dict(zip(answer["columns"], answer["rows"][-2], strict=True))
    assert (last["alive"], last["memory"], last["peers"], last["disk"]) == (1.0, 80 * MIB, 3.0, 5 * MIB)


def test_samples_not_rolled_up_yet_are_included_and_none_twice():
    person, alice = caller("alice")
    bot = bot_in(State.ALIVE, person)
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    Sample.objects.bulk_create(
        [
            sample(bot, minute, 60),
            *[sample(bot, minute + timedelta(seconds=10 * n + 1), 10) for n in range(12)],
        ]
    )
    _, answer = alice("GET", f"/agents/{bot.id}/samples?range=24h")
    came = answer["columns"].index("bytesIn")
    assert sum(row[came] for row in answer["rows"]) == 100 + 6 * 100


def test_an_unknown_range_is_refused_and_anothers_bot_is_not_found():
    person, alice = caller("alice")
    _, bob = caller("bob")
    bot = bot_in(State.ALIVE, person)
    assert alice("GET", f"/agents/{bot.id}/samples?range=2h")[0] == 422
    assert bob("GET", f"/agents/{bot.id}/samples")[0] == 404
    assert stranger("GET", f"/agents/{bot.id}/samples")[0] == 401
