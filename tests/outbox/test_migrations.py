"""What was sent, and what people chose, before the outbox existed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from butt.outbox.words import written

AT = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE = [("outbox", "0001_initial"), ("billing", "0007_rooms"), ("figures", "0004_traffic")]
AFTER = [("outbox", "0002_earlier_ones")]


@pytest.mark.django_db(transaction=True)
def test_sent_mails_are_not_repeated_due_ones_are_sent_and_preferences_stay():
    executor = MigrationExecutor(connection)
    every = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    try:
        _fill(executor.loader.project_state(BEFORE).apps)
        executor = MigrationExecutor(connection)
        executor.migrate(AFTER)
        apps = executor.loader.project_state(AFTER).apps
        told = apps.get_model("outbox", "OutboxMessage").objects.order_by("event")
        assert list(told.filter(due_at=None).values_list("event", "about", "channel", "sent_at")) == [
            ("down", "7", "mail", AT),
            ("failed", AT.isoformat(), "mail", AT),
            ("payer-asked", f"a-bot {AT.isoformat()}", "mail", AT),
        ]
        owed = [written(message.event, message.values) for message in told.exclude(due_at=None)]
        assert [subject for subject, _ in owed] == ["You left my.localhost", "We refunded a payment"]
        assert "We refunded money to your card." in owed[1][1]
        assert apps.get_model("billing", "Payer").objects.get().has_open, "what it owes of is asked at Stripe"
        chosen = apps.get_model("outbox", "Preferences").objects
        assert list(chosen.values_list("person__name", "mail")) == [("bob", False)]
    finally:
        MigrationExecutor(connection).migrate(every)


def _fill(apps: Any) -> None:
    agents, billing, figures = (apps.get_app_config(name) for name in ("agents", "billing", "figures"))
    alice, bob = (agents.get_model("Agent").objects.create(type="person", name=n) for n in ("alice", "bob"))
    bot = agents.get_model("Agent").objects.create(type="bot", name="my")
    for person in (alice, bob):
        agents.get_model("Belongs").objects.create(source_agent=bot, target_agent=person)
    payer = billing.get_model("Payer").objects.create(person=alice)
    letters = billing.get_model("Letter").objects
    letters.create(payer=payer, kind="failed", since=AT, sent_at=AT)
    letters.create(payer=payer, kind="payer-asked", since=AT, about="a-bot", sent_at=AT)
    letters.create(payer=payer, kind="reminder", since=AT)
    letters.create(payer=payer, kind="refunded", since=AT)
    letters.create(payer=payer, kind="payer-found", since=AT, about=str(bot.id))
    letters.create(payer=payer, kind="open", since=AT, about="in_1")
    figures.get_model("Letters").objects.create(person=bob, wanted=False)
    figures.get_model("Outage").objects.create(id=7, bot=bot, began_at=AT, told_at=AT)
