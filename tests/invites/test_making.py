"""Making and revoking invites, with a real pub."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent, JournalEntry, Progress
from butt.agents.states import State
from butt.configuration import Configuration
from butt.invites import making, retelling, withdrawing
from butt.invites.book import entries
from butt.invites.kept_connections import kept_connections
from butt.invites.models import Invite
from scuttlekit import ScuttlebuttError
from tests.people import bot_in, person
from tests.pub.pubs import Pub


def known_to(bot: Agent) -> list[dict[str, Any]]:
    """The outstanding invites as the pub itself lists them."""
    return kept_connections.call(bot, "butt.invites", {})


def test_the_pub_knows_an_invite_by_its_key_and_an_opaque_note(alice: Agent, bot: Agent):
    made = making.create(alice, bot, "  Bob \n from the harbour ", uses=3)
    assert made.name == "Bob from the harbour"
    assert known_to(bot) == [{"id": made.code_id, "note": made.note, "uses": 3, "used": 0, "left": 3}]
    (entry,) = entries(bot)
    assert entry.code.startswith(f"127.0.0.1:{bot.progress.port}:{bot.progress.ssb_id}~")
    assert entry.url.endswith(f"/join/{made.token}")
    assert len({made.note, made.token, str(made.id)}) == 3
    assert list(JournalEntry.objects.values_list("what", flat=True)) == ["create", "invite"]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"name": "  "}, "bad_name", "name"),
        ({"name": "n" * 81}, "bad_name", "name"),
        ({"name": "a\x00b"}, "bad_name", "name"),
        ({"uses": 0}, "bad_uses", "uses"),
        ({"uses": 1001}, "bad_uses", "uses"),
        ({"expires_at": timedelta(seconds=-1)}, "bad_expiry", "expiresAt"),
        ({"expires_at": timedelta(days=4000)}, "bad_expiry", "expiresAt"),
    ],
)
def test_an_invalid_invite_names_the_field(alice: Agent, wrong: dict[str, Any], code: str, field: str):
    if "expires_at" in wrong:
        wrong["expires_at"] += timezone.now()
    with pytest.raises(Refused) as refused:
        making.create(alice, bot_in(State.ALIVE, alice), **{"name": "Bob", **wrong})
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Invite.objects.exists()


@pytest.mark.parametrize("state", [State.NEW, State.STARTING, State.STOPPED, State.BROKEN])
def test_only_an_alive_bot_makes_invites(alice: Agent, state: State):
    with pytest.raises(Refused, match=f"#{state}. You can make invites only while it is #alive"):
        making.create(alice, bot_in(state, alice), "Bob")


def test_without_an_answer_no_invite_is_made_and_the_row_is_withdrawn(
    alice: Agent, bot: Agent, real_pub: Pub
):
    making.create(alice, bot, "over a kept connection")
    real_pub.kill()
    with pytest.raises(Refused) as refused:
        making.create(alice, bot, "Bob")
    assert refused.value.code == "no_answer"
    assert [entry.invite.name for entry in entries(bot)] == ["over a kept connection"]
    real_pub.start()
    assert [w.code_id for w in withdrawing.due(timezone.now())] == [Invite.objects.get(name="Bob").code_id]
    making.create(alice, bot, "on a new connection")
    withdrawing.done(withdrawing.due(timezone.now()), timezone.now())
    assert not Invite.objects.filter(name="Bob").exists()


def test_asking_twice_with_one_key_makes_one_invite(alice: Agent, bot: Agent):
    key = uuid.uuid4()
    made = making.create(alice, bot, "Bob", key=key)
    Progress.objects.filter(bot=bot).update(state=State.STOPPED)
    stopped = Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)
    assert making.create(alice, stopped, "Bob", key=key) == made
    assert [entry.invite for entry in entries(bot)] == [made]
    assert len(known_to(bot)) == 1
    assert making.create(alice, bot, "Bob", key=uuid.uuid4()) != made
    assert making.create(alice, bot, "Bob") != making.create(alice, bot, "Bob")


def test_an_interrupted_invite_is_made_by_asking_again_with_its_key(alice: Agent, bot: Agent):
    key = uuid.uuid4()
    cut_off = making.create(alice, bot, "Bob", key=key)
    Invite.objects.filter(id=cut_off.id).update(offered_at=None)
    assert making.create(alice, bot, "Bob", key=key) == cut_off
    assert [entry.invite for entry in entries(bot)] == [cut_off]

    Invite.objects.filter(id=cut_off.id).update(offered_at=None)
    withdrawing.due(timezone.now() + withdrawing.CUT_OFF + timedelta(seconds=1))
    after = making.create(alice, bot, "Bob", key=key)
    assert after != cut_off, "that one is being withdrawn"
    assert [entry.invite for entry in entries(bot)] == [after]


def test_a_key_is_free_again_if_no_invite_was_made(alice: Agent, bot: Agent, real_pub: Pub):
    key = uuid.uuid4()
    real_pub.kill()
    with pytest.raises(Refused, match="try again"):
        making.create(alice, bot, "Bob", key=key)
    real_pub.start()
    made = making.create(alice, bot, "Bob", key=key)
    assert [entry.invite for entry in entries(bot)] == [made]


def test_the_key_of_anothers_invite_reveals_nothing(alice: Agent, bot: Agent):
    key = uuid.uuid4()
    making.create(alice, bot, "Bob", key=key)
    eve = person("eve")
    with pytest.raises(Refused) as refused:
        making.create(eve, bot_in(State.ALIVE, eve, "eves"), "Bob", key=key)
    assert (refused.value.code, refused.value.field) == ("bad_key", "Idempotency-Key")
    assert "Bob" not in refused.value.message
    assert Invite.objects.count() == 1


def test_an_interrupted_invite_is_withdrawn_and_never_shown(alice: Agent, bot: Agent):
    """The state after a `kill -9` between telling the pub and recording that."""
    cut_off = making.create(alice, bot, "Bob")
    Invite.objects.filter(id=cut_off.id).update(offered_at=None)
    assert entries(bot) == []
    now = timezone.now()
    assert withdrawing.due(now) == []
    (withdrawal,) = withdrawing.due(now + withdrawing.CUT_OFF + timedelta(seconds=1))
    assert withdrawal.code_id == cut_off.code_id
    assert kept_connections.call(bot, "butt.revoke", withdrawal.code_id) is True
    withdrawing.done([withdrawal], now)
    assert not Invite.objects.exists()
    assert known_to(bot) == []


def test_an_invite_that_ended_while_the_bot_was_down_waits_to_be_forgotten(alice: Agent, bot: Agent):
    retelling.done([retelling.Retelling(bot.id, bot.progress.release)])
    brief = making.create(alice, bot, "brief", expires_at=timezone.now() + timedelta(hours=1))
    revoked = making.create(alice, bot, "revoked")
    Progress.objects.filter(bot=bot).update(state=State.STOPPED)
    stopped = Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)
    making.revoke(alice, stopped, revoked.id)
    assert withdrawing.revoked_of(bot) == (revoked.code_id,)
    assert [w.invite_id for w in withdrawing.due(timezone.now())] == [revoked.id]
    later = withdrawing.due(timezone.now() + timedelta(hours=2))
    assert {w.invite_id for w in later} == {brief.id, revoked.id}
    withdrawing.done(later, timezone.now())
    assert withdrawing.due(timezone.now() + timedelta(hours=2)) == []
    assert withdrawing.revoked_of(bot) == ()


def test_only_open_invites_count_towards_the_limit(alice: Agent, bot: Agent):
    most = Configuration.model_fields["invites_per_bot"].default
    keys = [f"@{n}" for n in range(most)]
    Invite.objects.bulk_create(
        Invite(bot=bot, name="x", seed=b"", code_id=key, offered_at=timezone.now()) for key in keys
    )
    with pytest.raises(Refused) as refused:
        making.create(alice, bot, "one too many")
    assert refused.value.code == "too_many"
    one, other, third = Invite.objects.all()[:3]
    one.used.create(sequence=1, ssb_id="@x", at=timezone.now())
    making.create(alice, bot, "in the place of one that is spent")
    Invite.objects.filter(id=other.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    making.create(alice, bot, "in the place of one that has expired")
    Invite.objects.filter(id=third.id).update(revoked_at=timezone.now())
    making.create(alice, bot, "in the place of one that is revoked")
    with pytest.raises(Refused, match="which is the maximum"):
        making.create(alice, bot, "one too many")


def test_many_callers_share_one_connection(bot: Agent):
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(kept_connections.call(bot, "whoami")))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"id": bot.progress.ssb_id}] * 20
    peers = kept_connections.call(bot, "butt.invites", {})
    assert peers == []


def test_an_unreachable_bot_is_an_immediate_error(alice: Agent):
    with pytest.raises(ScuttlebuttError):
        kept_connections.call(bot_in(State.ALIVE, alice), "whoami")
