"""What the journal forgets, and what it keeps for ever."""

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


def test_old_states_are_forgotten_but_not_peoples_actions_or_deleted_bots():
    bot = bot_in(State.ALIVE, person("alice"))
    for what in ("#starting", "#broken", "gone"):
        journal.note(bot, "steward", what)
    JournalEntry.objects.update(at=NOW - journal.STATES_KEPT - timedelta(seconds=1))
    journal.note(bot, "steward", "#alive")
    assert kept() == ["create", "gone", "#alive"]


def test_the_longest_chart_still_shows_every_event():
    longest = max(span.seconds for span in RANGES.values())
    assert timedelta(seconds=longest) < journal.STATES_KEPT


def test_many_entries_are_removed_in_bounded_steps():
    bot = bot_in(State.ALIVE, person("alice"))
    old = {"bot_id": bot.id, "actor": "steward", "what": "#alive", "at": NOW - timedelta(days=1000)}
    JournalEntry.objects.bulk_create(JournalEntry(**old) for _ in range(journal.MOST_ROWS + 1))
    assert journal.prune_states(NOW)
    assert JournalEntry.objects.filter(what="#alive").count() == 1
    assert not journal.prune_states(NOW)
