"""What the journal forgets, and what it never does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents import journal
from butt.agents.models import JournalEntry
from butt.agents.states import State
from butt.figures.series import RANGES
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def kept() -> list[str]:
    while journal.prune_states(NOW):
        pass
    return list(JournalEntry.objects.order_by("id").values_list("what", flat=True))


def test_states_of_long_ago_are_forgotten_and_never_who_did_what_nor_what_is_gone():
    bot = bot_in(State.ALIVE, person("alice"))
    for what in ("#starting", "#broken", "gone"):
        journal.note(bot, "steward", what)
    JournalEntry.objects.update(at=NOW - journal.STATES_KEPT - timedelta(seconds=1))
    journal.note(bot, "steward", "#alive")
    assert kept() == ["create", "gone", "#alive"]


def test_the_longest_chart_still_shows_all_that_happened():
    longest = max(span.seconds for span in RANGES.values())
    assert timedelta(seconds=longest) < journal.STATES_KEPT


def test_many_are_forgotten_step_by_step():
    bot = bot_in(State.ALIVE, person("alice"))
    old = {"bot_id": bot.id, "actor": "steward", "what": "#alive", "at": NOW - timedelta(days=1000)}
    JournalEntry.objects.bulk_create(JournalEntry(**old) for _ in range(journal.MOST_ROWS + 1))
    assert journal.prune_states(NOW)
    assert JournalEntry.objects.filter(what="#alive").count() == 1
    assert not journal.prune_states(NOW)
