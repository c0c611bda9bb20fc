"""What feeds say about guests is recorded once, however often it is repeated."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.agents.words import can_be_seen
from butt.invites.guestbook import GuestActivity, GuestArrival, Name, clean_name, positions, write
from butt.invites.models import Invite, InviteUse
from tests.people import bot_in, person, ssb_id

AT = datetime(2030, 1, 1, tzinfo=UTC)


def invite(bot: Agent, note: str, uses: int = 1) -> Invite:
    return Invite.objects.create(
        bot=bot,
        name="x",
        uses=uses,
        note=note,
        seed=b"",
        code_id=f"@{note}{bot.name}",
        offered_at=timezone.now(),
    )


def seen(bot: Agent) -> list[tuple[str, int, str, str]]:
    rows = InviteUse.objects.filter(invite__bot=bot).order_by("sequence")
    return list(rows.values_list("invite__note", "sequence", "ssb_id", "name"))


@pytest.mark.django_db
class TestAGuestbook:
    @pytest.fixture
    def bot(self) -> Agent:
        bot = bot_in(State.ALIVE, person("alice"))
        Observed.objects.filter(bot=bot).update(sequence=7)
        return bot

    def test_a_use_a_name_and_the_position_are_saved_together(self, bot: Agent):
        invite(bot, "a", uses=2)
        told = [
            GuestArrival(3, ssb_id(1), "a", AT),
            Name(ssb_id(1), "Frida"),
            GuestArrival(7, ssb_id(2), "a", AT),
        ]
        for _ in range(2):
            write({bot.id: told})
        assert seen(bot) == [("a", 3, ssb_id(1), "Frida"), ("a", 7, ssb_id(2), "")]
        assert positions([bot.id, uuid.uuid4()]) == {bot.id: 7}
        write({bot.id: [Name(ssb_id(1), "Frida K.")]})
        assert seen(bot)[0][3] == "Frida K."

    def test_the_latest_report_about_a_guest_counts(self, bot: Agent):
        invite(bot, "a", uses=2)
        later = AT + timedelta(hours=1)
        write(
            {
                bot.id: [
                    GuestArrival(3, ssb_id(1), "a", AT),
                    GuestActivity(ssb_id(1), 2, AT),
                    Name(ssb_id(1), "Frida"),
                ]
            }
        )
        write({bot.id: [GuestActivity(ssb_id(1), 5, later), GuestActivity(ssb_id(2), 9, later)]})
        write({bot.id: [GuestActivity(ssb_id(1), 7, None)]})
        write({bot.id: [GuestActivity(ssb_id(1), 8, AT)]})
        (row,) = InviteUse.objects.all()
        assert (row.name, row.messages, row.seen_at) == ("Frida", 8, later)

    def test_notes_of_others_are_skipped_but_counted_as_read(self, bot: Agent):
        write({bot.id: [GuestArrival(5, ssb_id(1), "made by hand", AT)]})
        assert seen(bot) == []
        assert positions([bot.id]) == {bot.id: 5}

    def test_a_bot_cannot_report_uses_of_anothers_invite(self, bot: Agent):
        other = bot_in(State.ALIVE, person("bob"), "other")
        invite(bot, "a")
        write({other.id: [GuestArrival(1, ssb_id(1), "a", AT), Name(ssb_id(1), "Mallory")]})
        assert seen(bot) == []

    def test_a_deleted_bot_blocks_nobody(self, bot: Agent):
        invite(bot, "a")
        write(
            {
                uuid.uuid4(): [GuestArrival(1, ssb_id(1), "x", AT)],
                bot.id: [GuestArrival(1, ssb_id(1), "a", AT)],
            }
        )
        assert len(seen(bot)) == 1

    def test_no_invite_has_more_uses_than_it_allows(self, bot: Agent):
        invite(bot, "a", uses=2)
        write({bot.id: [GuestArrival(n, ssb_id(n), "a", AT) for n in range(1, 50)]})
        assert [row[1] for row in seen(bot)] == [1, 2]


class TestTellingAgain(TestCase):
    """Monitors that die and take over report the same messages in pieces that overlap."""

    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=8))
    def test_the_result_does_not_depend_on_how_messages_are_batched(self, pieces: list[tuple[int, int]]):
        bot = bot_in(State.ALIVE, person("alice"))
        notes = [invite(bot, note, uses=3).note for note in ("a", "b", "c")]
        feed = [GuestArrival(n + 1, ssb_id(n), notes[n % 3], AT) for n in range(8)]
        for begin, end in [*pieces, (0, 8)]:
            write({bot.id: feed[begin:end]})
        assert seen(bot) == [(use.note, use.sequence, use.guest, "") for use in feed]


@given(st.text(max_size=300))
@example("\N{ZERO WIDTH JOINER}")
def test_a_name_is_one_line_that_can_be_shown(text: str):
    name = clean_name(text)
    assert len(name) <= 80
    assert can_be_seen(name)
    assert clean_name(name).strip() == name.strip()


def test_a_guests_name_is_cleaned_like_any_name():
    assert clean_name("\ufeffGrund\u00adstück\u3000שרה\u200f!") == "Grundstück שרה\u200f!"
