"""The invites that an open page offers, so many a day, with a real pub."""

from datetime import date

import pytest
from django.test import Client

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.agents.states import State
from butt.invites import book, making, opening
from butt.invites.models import Invite, InviteUse
from tests.invites.conftest import at
from tests.invites.test_claiming import claimed_pub, posts, somebody
from tests.people import bot_in
from tests.pub.pubs import Pub

__all__ = ["claimed_pub"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def bot(alice: Agent, claimed_pub: Pub) -> Agent:
    return at(claimed_pub, bot_in(State.ALIVE, alice))


def comes(bot: Agent, invite: Invite) -> int:
    """Somebody claims it, and the monitor reads that in the pub's feed."""
    guest = somebody()
    answer = posts(invite, guest)
    if answer.status_code == 200:
        InviteUse.objects.create(
            invite=invite, sequence=InviteUse.objects.count() + 1, ssb_id=guest, at=invite.created_at
        )
    return int(answer.status_code)


def page(bot: Agent) -> str:
    return Client().get(f"/@{bot.name}").content.decode()


def test_an_open_page_offers_no_invites_by_default(bot: Agent):
    assert "get an invite" not in page(bot)
    assert Client().post(f"/@{bot.name}").status_code == 404
    assert not Invite.objects.exists()


def test_a_bounded_number_may_join_each_day_and_asking_uses_nothing_up(alice: Agent, bot: Agent):
    opening.set_invites_a_day(alice, bot, 2)
    assert "2 more people can come in today" in page(bot)
    ways = {Client().post(f"/@{bot.name}")["Location"] for _ in range(5)}
    (invite,) = Invite.objects.all()
    assert ways == {f"/join/{invite.token}"}
    assert (invite.uses, invite.expires_at.hour, invite.opened_on) == (2, 0, opening._today())
    assert comes(bot, invite) == 200
    assert "1 more person can come in today" in page(bot)
    assert comes(bot, invite) == 200
    assert comes(bot, invite) == 410
    assert "All of today's invites are used" in page(bot)
    assert Client().post(f"/@{bot.name}").status_code == 410


def test_each_day_has_its_own_invites(alice: Agent, bot: Agent, monkeypatch: pytest.MonkeyPatch):
    opening.set_invites_a_day(alice, bot, 1)
    comes(bot, opening.offer(bot))
    tomorrow = date.fromordinal(opening._today().toordinal() + 1)
    monkeypatch.setattr(opening, "_today", lambda: tomorrow)
    assert opening.left_today(bot) == 1
    assert opening.offer(bot).opened_on == tomorrow


def test_changing_the_number_replaces_todays_invite_and_counts_earlier_guests(alice: Agent, bot: Agent):
    opening.set_invites_a_day(alice, bot, 5)
    first = opening.offer(bot)
    comes(bot, first)
    opening.set_invites_a_day(alice, bot, 3)
    assert comes(bot, first) == 410
    assert opening.offer(bot).uses == 2
    opening.set_invites_a_day(alice, bot, 0)
    with pytest.raises(Refused, match="come back tomorrow"):
        opening.offer(bot)
    assert making.Invite.objects.filter(revoked_at=None).count() == 0


def test_a_hidden_page_invites_nobody_and_odd_numbers_are_refused(alice: Agent, bot: Agent):
    opening.set_invites_a_day(alice, bot, 5)
    book.set_public(bot, public=False)
    assert opening.left_today(bot) == 0
    for odd in (-1, 101):
        with pytest.raises(Refused) as refused:
            opening.set_invites_a_day(alice, bot, odd)
        assert refused.value.code == "bad_count"
