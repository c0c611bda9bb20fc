from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents import actions
from butt.agents.actions import ACTIONS, Refused
from butt.agents.bots import bot_by_id, bots_of
from butt.agents.models import Agent, JournalEntry, Progress, Wanted
from butt.agents.states import ASKED_IN, Action, State
from butt.configuration import configuration
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


def test_a_bot_belongs_to_the_person_who_made_it():
    alice, bob = person("alice"), person("bob")
    bot = actions.create_bot(alice, "My")
    assert [b.name for b in bots_of(alice)] == ["my"]
    assert not bots_of(bob).exists()
    with pytest.raises(Agent.DoesNotExist):
        bot_by_id(bob, bot.id)


def test_a_name_can_be_used_only_once():
    actions.create_bot(person("alice"), "my")
    with pytest.raises(Refused) as refused:
        actions.create_bot(person("bob"), "MY")
    assert (refused.value.code, refused.value.field) == ("name_taken", "name")


@pytest.mark.parametrize("key", ["bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=", "oasis", "main"])
def test_a_bot_stays_in_the_network_it_was_made_in(key: str):
    bot = actions.create_bot(person("alice"), "my", network=f" {key}\n")
    assert Wanted.objects.get(bot=bot).network == key


def test_an_invalid_network_makes_no_bot():
    alice = person("alice")
    for text in ("", "Oasis", "AAAA", "oasis=="):
        with pytest.raises(Refused) as refused:
            actions.create_bot(alice, "my", network=text)
        assert (refused.value.code, refused.value.field) == ("bad_network", "network")
    assert not bots_of(alice).exists()


def test_changing_hops_restarts_a_running_bot_whose_code_knows_hops():
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    with pytest.raises(Refused, match="does not support hops"):
        actions.set_hops(alice, bot, 3)
    bot.observed.hops = 2
    for hops in (-1, 4):
        with pytest.raises(Refused) as refused:
            actions.set_hops(alice, bot, hops)
        assert (refused.value.code, refused.value.field) == ("bad_hops", "hops")
    for _ in range(2):
        actions.set_hops(alice, bot, 3)
    wanted = Wanted.objects.get(bot=bot)
    assert (wanted.hops, wanted.restarts) == (3, 1)


def test_changing_hops_leaves_a_stopped_bot_stopped():
    alice = person("alice")
    bot = bot_in(State.STOPPED, alice)
    bot.observed.hops = 2
    actions.set_hops(alice, bot, 0)
    wanted = Wanted.objects.get(bot=bot)
    assert (wanted.hops, wanted.restarts, wanted.run) == (0, 0, False)


def test_nobody_has_more_bots_than_the_operator_allows():
    alice = person("alice")
    for number in range(configuration().bots_per_person):
        actions.create_bot(alice, f"bot{number}")
    with pytest.raises(Refused, match="which is the maximum"):
        actions.create_bot(alice, "one-more")


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("action", list(ACTIONS))
def test_each_action_is_allowed_in_its_states_only(state: State, action: Action):
    alice = person("alice")
    bot = bot_in(state, alice)
    if state is State.LEAVING:
        Wanted.objects.filter(bot=bot).update(gone_at=timezone.now() + timedelta(days=7))
    if state in ASKED_IN[action]:
        ACTIONS[action](alice, bot)
        assert JournalEntry.objects.filter(bot_id=bot.id, what=action, actor=str(alice.id)).exists()
    elif (action, state) != (Action.DELETE, State.LEAVING):
        with pytest.raises(Refused, match=f"#{state}"):
            ACTIONS[action](alice, bot)


def test_descriptions_that_people_write_or_paste_are_accepted():
    alice = person("alice")
    bot = actions.create_bot(alice, "my", description="\ufeffBienvenue\u00a0!\r\n\tשרה\u200f!")
    assert bot.description == "Bienvenue !\n שרה\u200f!"
    actions.describe(alice, bot, "山田\u3000太郎")
    assert bot.description == "山田 太郎"
    with pytest.raises(Refused, match="invisible"):
        actions.describe(alice, bot, "\u202eevil")


def test_a_change_wakes_the_steward():
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    Progress.objects.update(due_at=timezone.now() + timedelta(hours=1))
    actions.stop(alice, bot)
    assert Progress.objects.get(bot=bot).due_at <= timezone.now()


def test_a_deleted_bot_can_be_restored_until_its_time_is_over():
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    actions.delete(alice, bot)
    assert Wanted.objects.get(bot=bot).gone_at > timezone.now() + timedelta(
        days=configuration().keep_days - 1
    )
    with pytest.raises(Refused):
        actions.restart(alice, bot)
    actions.restore(alice, bot)
    assert Wanted.objects.get(bot=bot).gone_at is None

    actions.delete(alice, bot)
    Wanted.objects.filter(bot=bot).update(gone_at=timezone.now())
    with pytest.raises(Refused, match="no longer be restored"):
        actions.restore(alice, bot)


def test_deleting_twice_is_like_once():
    """A program that heard no answer asks again, and some repeat requests by themselves."""
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    actions.delete(alice, bot)
    gone_at = Wanted.objects.get(bot=bot).gone_at
    actions.delete(alice, bot)
    assert Wanted.objects.get(bot=bot).gone_at == gone_at
    assert JournalEntry.objects.filter(bot_id=bot.id, what="delete").count() == 1


def test_stopping_twice_is_like_once():
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    actions.stop(alice, bot)
    actions.stop(alice, bot)
    assert Wanted.objects.get(bot=bot).run is False


def test_starting_a_broken_bot_retries_at_once():
    alice = person("alice")
    bot = bot_in(State.BROKEN, alice)
    actions.start(alice, bot)
    assert Wanted.objects.get(bot=bot).restarts == 1
