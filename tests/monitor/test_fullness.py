"""How much of the disk bots may take: who is told of it, and what owners hear when that is used up."""

import pytest
from django.core import mail
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.limits import set_limits
from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.configuration import configuration
from butt.figures.models import Letters
from butt.monitor import limiting
from butt.monitor.fullness import tell_of_fullness
from butt.monitor.limiting import Limiting
from butt.monitor.watch import SpaceUsed
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

GIB = 2**30
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
    due = limiting.untold()
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


def subjects(bot: Agent, full: int) -> list[str]:
    Observed.objects.filter(bot=bot).update(full=full)
    for _ in range(2):
        tell_of_fullness(timezone.now())
    return [letter.subject for letter in mail.outbox]


def test_the_owner_hears_once_at_80_and_once_at_100_and_again_after_there_was_room(alice: Agent, bot: Agent):
    nearly, full = "my.localhost has nearly used up its disk", "my.localhost has used up its disk"
    assert subjects(bot, 79) == []
    assert subjects(bot, 80) == [nearly]
    assert subjects(bot, 75) == [nearly], "up and down is no news"
    assert subjects(bot, 100) == [nearly, full]
    assert "1 GiB" in mail.outbox[-1].body
    assert subjects(bot, 90) == [nearly, full]
    assert subjects(bot, 60) == [nearly, full]
    assert subjects(bot, 100) == [nearly, full, full], "and not that it was nearly so"
    Letters.objects.create(person=alice, wanted=False)
    subjects(bot, 60)
    assert len(subjects(bot, 100)) == 3
