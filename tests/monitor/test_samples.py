"""What the monitor writes of what it sees."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.models import Agent, Observed, Progress
from butt.agents.states import State
from butt.figures.models import Reading, Sample
from butt.figures.series import RANGES, series
from butt.monitor.samples import Seen, write
from tests.figures.history import MIB, figures
from tests.people import bot_in, many_bots, person

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def seen(second: int, **changes: Any) -> Seen:
    return Seen(NOW + timedelta(seconds=second), figures(NOW, **changes))


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


def test_figures_are_what_is_observed_and_a_sample(bot: Agent):
    assert write({bot.id: [seen(0)]}) == 1
    observed = Observed.objects.get(bot=bot)
    assert (observed.alive, observed.memory, observed.peers, observed.sequence) == (True, 80 * MIB, 3, 7)
    kept = Sample.objects.get(bot=bot)
    assert (kept.resolution, kept.count, kept.memory_sum, kept.bytes_in) == (10, 1, 80 * MIB, 1000)
    assert Reading.objects.get(bot=bot).share == 50


def test_figures_that_stand_for_a_minute_count_as_its_six_stretches(bot: Agent):
    write({bot.id: [Seen(NOW, figures(NOW), stretches=6)]})
    kept = Sample.objects.get(bot=bot)
    assert (kept.count, kept.memory_sum, kept.peers_sum) == (6, 6 * 80 * MIB, 6 * 3)
    assert (kept.memory_high, kept.peers_high, kept.bytes_in) == (80 * MIB, 3, 1000)
    hour = RANGES["1h"]
    shown = series(bot.id, hour, NOW, hour.step)
    assert [(span.count, span["memory_sum"]) for span in shown] == 6 * [(1, 80 * MIB)]


def test_totals_go_on_over_restarts_of_bot_and_monitor_without_a_jump(bot: Agent):
    write({bot.id: [seen(0, bytesIn=1000)]})
    write({bot.id: [seen(10, bytesIn=1500), seen(20, bytesIn=1600)]})
    restarted = NOW + timedelta(seconds=25)
    write({bot.id: [seen(30, bytesIn=40, startedAt=restarted)]})
    write({bot.id: [seen(40, bytesIn=2000, startedAt=restarted)]})
    assert Observed.objects.get(bot=bot).bytes_in == 1600 + 2000
    came = Sample.objects.order_by("at").values_list("bytes_in", flat=True)
    assert list(came) == [1000, 500, 100, 40, 1960]


def test_a_bot_that_lies_about_its_size_breaks_no_row(bot: Agent):
    for second in range(3):
        write(
            {bot.id: [seen(second, bytesIn=2**63 - 1, memory=2**63 - 1, startedAt=NOW + timedelta(second))]}
        )
    assert Observed.objects.get(bot=bot).bytes_in < 2**63


def test_the_sequence_never_goes_down(bot: Agent):
    write({bot.id: [seen(0, sequence=9), seen(10, sequence=3)]})
    assert Observed.objects.get(bot=bot).sequence == 9


def test_the_steward_is_rung_for_a_death_and_a_new_launch_and_for_no_mere_figures(bot: Agent):
    later = NOW + timedelta(hours=1)
    row = Progress.objects.filter(bot=bot)
    for sight, rings in (
        (seen(0), False),
        (Seen(NOW, None, "It ended the connection."), True),
        (seen(10), True),
        (seen(20, launch=2), True),
        (seen(30, launch=2), False),
    ):
        row.update(due_at=later)
        write({bot.id: [sight]})
        assert (row.get().due_at != later) is rings


def test_a_bot_that_is_gone_meanwhile_spoils_nothing_for_the_others(bot: Agent):
    gone = bot_in(State.ALIVE, person("bob"), "bobs")
    gone_id = gone.id
    gone.delete()
    assert write({gone_id: [seen(0)], bot.id: [seen(0)]}) == 1


def test_many_bots_are_written_in_a_handful_of_statements(django_assert_max_num_queries: Any):
    many_bots(person("alice"), 400)
    batch = {bot.id: [seen(0)] for bot in Agent.objects.filter(type="bot")}
    with django_assert_max_num_queries(40):
        assert write(batch) == 400
