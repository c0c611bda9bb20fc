"""A prepared statement finds and changes what the query itself does, whoever it is for."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from butt.agents.bots import bots, bots_of
from butt.agents.models import Agent
from butt.agents.prepared import Prepared, PreparedModels, PreparedUpdate, among, text_of
from butt.agents.states import State
from butt.agents.summaries import summaries_of, summarise, summary_by_id
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


def test_each_person_is_shown_their_own_by_name():
    alice, bob, charlie = person("alice"), person("bob"), person("charlie")
    for owner, name in ((alice, "zoe"), (bob, "bobs"), (alice, "anna")):
        bot_in(State.ALIVE, owner, name)
    for _ in range(2):
        assert [bot.name for bot in summaries_of(alice)] == ["anna", "zoe"]
        assert [bot.name for bot in summaries_of(bob)] == ["bobs"]
        assert summaries_of(charlie) == []
    assert summaries_of(alice) == summarise(bots_of(alice))


def test_another_persons_bot_is_not_found():
    alice, bob = person("alice"), person("bob")
    bot = bot_in(State.ALIVE, alice)
    assert summary_by_id(alice, bot.id).name == bot.name
    with pytest.raises(Agent.DoesNotExist):
        summary_by_id(bob, bot.id)


def test_values_are_never_part_of_the_sql():
    by_name = Prepared(lambda name: Agent.objects.filter(name=name).values_list("id", "name"), "nobody")
    name = "x' OR 1=1 --"
    agent = Agent.objects.create(type=Agent.Type.PERSON, name=name)
    person("alice")
    assert list(by_name("nobody")) == []
    assert [tuple(row) for row in by_name(name)] == [(agent.id, name)]


def test_any_number_of_ids_are_one_value():
    named = Prepared(lambda ids: Agent.objects.filter(id__in=among(ids)).values_list("id"), "ids")
    alice, bob = person("alice"), person("bob")
    assert list(named(text_of([]))) == []
    assert [one for (one,) in named(text_of([bob.id]))] == [bob.id]
    found = named(text_of([bob.id, uuid.uuid4(), alice.id]))
    assert {one for (one,) in found} == {alice.id, bob.id}


def test_an_update_changes_only_the_row_it_names():
    long_ago = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    described = PreparedUpdate(
        lambda agent, at, text: Agent.objects.filter(id=agent, created_at__gt=at),
        lambda agent, at, text: {"description": text},
        uuid.UUID(int=1),
        datetime(2000, 1, 1, tzinfo=UTC),
        "no text",
    )
    alice, bob = person("alice"), person("bob")
    for text in ("friendly", "'; DROP TABLE agents_agent; --"):
        assert described(alice.id, long_ago, text) == 1
        alice.refresh_from_db()
        bob.refresh_from_db()
        assert (alice.description, bob.description) == (text, "")
    assert described(bob.id, timezone.now() + timedelta(days=1), "not yet") == 0
    assert described(uuid.uuid4(), long_ago, "nobody") == 0


def test_prepared_models_are_those_of_the_query_itself():
    alice, bob = person("alice"), person("bob")
    bot = bot_in(State.ALIVE, alice)
    bot_in(State.BROKEN, bob, "bobs")
    prepared = PreparedModels(
        lambda owner, name: (
            bots().filter(belongs_to__target_agent=owner, name=name).annotate(twice=F("name"))
        ),
        uuid.UUID(int=1),
        "no name",
    )
    for _ in range(2):
        (found,) = prepared(alice.id, bot.name)
        assert (found, found.twice) == (bot, bot.name)
        with CaptureQueriesContext(connection) as queries:
            for row in ("wanted", "progress", "observed"):
                ours, theirs = getattr(found, row), getattr(bot, row)
                assert ours == theirs
                for field in type(theirs)._meta.concrete_fields:
                    assert getattr(ours, field.attname) == getattr(theirs, field.attname), field
        assert len(queries) == 0, "what was selected with it is there"
        assert list(prepared(bob.id, bot.name)) == []
