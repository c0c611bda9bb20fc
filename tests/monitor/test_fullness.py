"""How much of the disk and the network bots may take: who is told of it, and what owners hear when that is used up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.actions import Refused
from butt.agents.limits import set_limits
from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.agents.traffic import merged, month_of, percent
from butt.configuration import configuration
from butt.monitor import limiting
from butt.monitor.bot_figures import SpaceUsed
from butt.monitor.fullness import tell_of_fullness
from butt.monitor.limiting import Limiting
from butt.monitor.samples import Seen, write
from butt.outbox import preferences
from butt.peers import rooms
from butt.peers.models import ToldRoom
from tests.figures.history import figures
from tests.outbox.sent import sent
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

MIB, GIB = 2**20, 2**30
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROOM = {
    "most": GIB,
    "mostBlobs": GIB,
    "log": 500 * 2**20,
    "blobs": 300 * 2**20,
    "rest": 2**20,
    "takes": "all",
    "removed": {"blobs": 0, "bytes": 0},
}


@pytest.fixture
def alice() -> Agent:
    return person("alice")


@pytest.fixture
def bot(alice: Agent) -> Agent:
    bot = bot_in(State.ALIVE, alice)
    Observed.objects.filter(bot=bot).update(room=ROOM)
    return bot


def told() -> list[dict[str, int]]:
    """What is told now, each once."""
    due = limiting.pending()
    for one in due:
        limiting.told(one)
    return [one.limits for one in due]


def test_a_pub_is_told_its_owners_limits_within_the_operators(
    alice: Agent, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    assert told() == []
    set_limits(alice, bot, {"disk": 5 * GIB, "farBlobDays": 30})
    assert [told(), told()] == [[{"disk": 5 * GIB, "farBlobDays": 30}], []]
    bounded = configuration().model_copy(update={"bot_disk_gib": 2, "bot_blobs_gib": 0.5})
    monkeypatch.setattr("butt.agents.limits.configuration", lambda: bounded)
    assert [told(), told()] == [[{"disk": 2 * GIB, "blobs": GIB // 2, "farBlobDays": 30}], []]
    with pytest.raises(Refused) as refused:
        set_limits(alice, bot, {"disk": 3 * GIB})
    assert (refused.value.code, refused.value.field) == ("bad_limit", "limits.disk")
    set_limits(alice, bot, {"disk": None, "farBlobDays": None})
    assert [told(), told()] == [[{"disk": 2 * GIB, "blobs": GIB // 2}], []]
    monkeypatch.undo()
    assert [told(), told()] == [[{}], []]


def test_only_a_bot_that_answers_and_knows_limits_is_told(alice: Agent, bot: Agent):
    set_limits(alice, bot, {"disk": GIB})
    Observed.objects.filter(bot=bot).update(alive=False)
    assert told() == []
    Observed.objects.filter(bot=bot).update(alive=True, room=None)
    assert told() == []
    assert limiting.told(Limiting(bot.id, {})) is None


def test_only_a_pub_that_counts_its_traffic_is_told_a_limit_of_it(
    alice: Agent, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    set_limits(alice, bot, {"disk": GIB, "traffic": 5 * GIB})
    assert told() == [{"disk": GIB}]
    Observed.objects.filter(bot=bot).update(traffic=month(0))
    bounded = configuration().model_copy(update={"bot_traffic_gib": 2})
    monkeypatch.setattr("butt.agents.limits.configuration", lambda: bounded)
    assert [told(), told()] == [[{"disk": GIB, "traffic": 2 * GIB}], []]


@pytest.mark.parametrize(
    "wrong", [{"disk": 0}, {"disk": 2**60}, {"blob": 6 * 2**20}, {"farBlobDays": 0}, {"blobs": -1}]
)
def test_a_limit_that_makes_no_sense_is_refused(alice: Agent, bot: Agent, wrong: dict[str, int]):
    with pytest.raises(Refused, match="is a number from"):
        set_limits(alice, bot, wrong)
    bot.refresh_from_db()
    assert bot.wanted.limits == {}


def test_it_is_full_as_soon_as_it_refuses_or_removes():
    assert SpaceUsed.model_validate(ROOM).full == 78
    assert SpaceUsed.model_validate({**ROOM, "blobs": 480 * 2**20}).full == 100
    assert SpaceUsed.model_validate({**ROOM, "takes": "members"}).full == 100
    assert SpaceUsed.model_validate({**ROOM, "most": 0}).full == 100


def month(used: int, at: datetime = NOW) -> dict[str, object]:
    """What a pub tells of the month of `at`, of which it used so many of 100 parts."""
    return {"month": month_of(at), "in": 0, "out": used * MIB, "most": 100 * MIB}


def subjects_of_traffic(bot: Agent, used: int, at: datetime = NOW, now: datetime | None = None) -> list[str]:
    """All emails of now, after figures that tell of the month of `at`."""
    write({bot.id: [Seen(at, figures(NOW, traffic=month(used, at)))]})
    for _ in range(2):
        tell_of_fullness(now or at)
    return [letter.subject.removeprefix("my.localhost has ") for letter in sent()]


def test_traffic_is_told_of_once_at_80_and_once_at_100_and_anew_in_the_next_month(bot: Agent):
    nearly, full = "nearly used up its traffic for this month", "used up its traffic for this month"
    december = NOW + timedelta(days=2)
    assert subjects_of_traffic(bot, 79) == []
    assert subjects_of_traffic(bot, 80) == [nearly]
    assert subjects_of_traffic(bot, 99) == [nearly]
    assert subjects_of_traffic(bot, 120) == [nearly, full]
    assert "100 MiB a month" in sent()[-1].body
    assert "again on 1 December" in sent()[-1].body
    assert subjects_of_traffic(bot, 120, now=december) == [nearly, full], "that month is over"
    assert subjects_of_traffic(bot, 85, december) == [nearly, full, nearly]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 100), st.integers(0, 100), st.booleans()), max_size=20
    )
)
def test_what_is_known_of_a_month_never_goes_down_and_ends_with_it(
    steps: list[tuple[int, int, int, bool]],
):
    """Months pass, counts grow, and a pub that forgot some of its count is found out."""
    known: dict[str, Any] | None = None
    at, seen = 1, (0, 0)
    for later, came_in, went_out, forgets in steps:
        at += later
        seen = (0, 0) if later else seen
        told = (came_in, went_out) if forgets else (seen[0] + came_in, seen[1] + went_out)
        seen = (max(seen[0], told[0]), max(seen[1], told[1]))
        shape = {"month": f"20{at:02d}-01", "in": told[0], "out": told[1], "most": 50}
        known, is_behind = merged(known, shape)
        assert (known["in"], known["out"]) == seen
        assert is_behind is (told != seen)
        assert percent(known) == min(100, 2 * sum(seen))


def test_a_pub_that_forgot_what_it_counted_is_told(bot: Agent):
    write({bot.id: [Seen(NOW, figures(NOW, traffic=month(50)))]})
    assert limiting.behind() == []
    write({bot.id: [Seen(NOW, figures(NOW + timedelta(minutes=1), traffic=month(20)))]})
    (recounting,) = limiting.behind()
    assert recounting.seen == {"month": "2026-11", "in": 0, "out": 50 * MIB}
    limiting.recounted(recounting)
    assert limiting.behind() == []
    assert Observed.objects.get(bot=bot).traffic["out"] == 50 * MIB


def test_a_pub_that_starts_is_told_again_as_its_data_may_be_a_copy(alice: Agent, bot: Agent):
    write({bot.id: [Seen(NOW, figures(NOW, room=ROOM))]})
    set_limits(alice, bot, {"disk": GIB})
    rooms.told(rooms.RoomUpdate(bot.id, "open", ""))
    assert [told(), told()] == [[{"disk": GIB}], []]
    write({bot.id: [Seen(NOW, figures(NOW, room=ROOM))]})
    assert told() == []
    write({bot.id: [Seen(NOW, figures(NOW + timedelta(minutes=1), room=ROOM))]})
    assert told() == [{"disk": GIB}]
    assert not ToldRoom.objects.filter(bot=bot).exists()
    set_limits(alice, bot, {"disk": None})
    assert [told(), told()] == [[{}], []]
    write({bot.id: [Seen(NOW, figures(NOW + timedelta(minutes=2), room=ROOM))]})
    assert told() == [{}], "what it was told before may be what it remembers"


def subjects(bot: Agent, full: int) -> list[str]:
    Observed.objects.filter(bot=bot).update(full=full)
    for _ in range(2):
        tell_of_fullness(timezone.now())
    return [letter.subject for letter in sent()]


def test_the_owner_hears_once_at_80_and_once_at_100_and_again_after_there_was_room(alice: Agent, bot: Agent):
    nearly, full = "my.localhost has nearly filled its disk", "my.localhost has filled its disk"
    assert subjects(bot, 79) == []
    assert subjects(bot, 80) == [nearly]
    assert subjects(bot, 75) == [nearly], "up and down is no news"
    assert subjects(bot, 100) == [nearly, full]
    assert "1 GiB" in sent()[-1].body
    assert subjects(bot, 90) == [nearly, full]
    assert subjects(bot, 60) == [nearly, full]
    assert subjects(bot, 100) == [nearly, full, full], "and not that it was nearly so"
    preferences.set_mail(alice, wanted=False)
    subjects(bot, 60)
    assert len(subjects(bot, 100)) == 3
