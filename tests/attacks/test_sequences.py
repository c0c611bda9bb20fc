"""A bot that lies about how far its feed has come, on trial or not, and one that pushes figures without a
pause.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from butt.agents.models import Agent, Observed, Progress
from butt.agents.proof import shown
from butt.agents.states import State
from butt.figures.models import Sample
from butt.hosts import Order, Sighting, trial
from butt.hosts.interface import Folder
from butt.hosts.pub_state import newest_in, sequence_in
from butt.hosts.salt.orders import sighting
from butt.invites.guestbook import positions
from butt.invites.models import FeedState
from butt.limits.table import BOT_FIGURES
from butt.machines.models import Placement
from butt.machines.reports import MOST_BYTES, read_report, take
from butt.monitor.bot_figures import BotFigures
from butt.monitor.sample_buffer import SampleBuffer
from butt.monitor.samples import Seen, write
from butt.monitor.signs import UNCHANGED
from butt.monitor.watch import Bot, watch
from butt.steward.steward import Steward
from scuttlekit import KeyPair
from scuttlekit.data_folder import newest_message
from scuttlekit.messages import Head, Message, create
from tests.figures.history import figures
from tests.machines.machines import machine, placed_bot, report
from tests.monitor.responder import Responder
from tests.on_machines import module_of
from tests.people import bot_in, person
from tests.scuttlekit.logs import log_of

FAR = 2**63 - 1
KEYS = KeyPair.generate()
HELLO = {"type": "post", "text": "hello"}


def message(sequence: int, keys: KeyPair = KEYS) -> Message:
    head = Head(sequence - 1, f"%{'a' * 43}=.sha256") if sequence > 1 else None
    return create(HELLO, keys, head, 1_700_000_000_000)


def bot_of(keys: KeyPair, state: State = State.ALIVE, **progress: Any) -> Agent:
    bot = bot_in(state, person("alice"))
    Progress.objects.filter(bot=bot).update(ssb_id=keys.id, **progress)
    return bot


def known(bot: Agent) -> int:
    return Observed.objects.get(bot=bot).sequence


@pytest.mark.parametrize(
    "forged",
    [
        {**message(7).value, "sequence": FAR},
        {**message(7).value, "sequence": 8},
        message(7, KeyPair.generate()).value,
        {"sequence": 7, "author": KEYS.id},
        {**message(7).value, "sequence": True},
        {**message(7).value, "previous": None},
        7,
        None,
        [],
    ],
)
def test_only_a_signed_message_of_the_bot_proves_its_sequence(forged: Any):
    assert shown(message(7).value, KEYS.id) == 7
    assert shown(forged, KEYS.id) == 0


class Heard:
    """Watches one bot, as a monitor does."""

    def __init__(self, bot_id: uuid.UUID | None = None) -> None:
        self.bot_id, self.buffer, self.all = bot_id or uuid.uuid4(), SampleBuffer(), list[BotFigures | str]()
        self.news = asyncio.Event()

    async def tell(self, bot_id: uuid.UUID, figures: BotFigures | None, trouble: str) -> None:
        self.all.append(figures or trouble)
        self.news.set()
        await self.buffer.tell(bot_id, figures, trouble)

    async def of(self, responder: Responder, most: float, until: Any = lambda _: False) -> None:
        """Watch the bot for `most` seconds, or until the condition is met."""
        task = asyncio.create_task(watch(Bot(self.bot_id, responder.address), KeyPair.generate(), self.tell))
        try:
            async with asyncio.timeout(most):
                while not until(self.all):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            pass
        finally:
            task.cancel()


async def test_a_sequence_without_a_message_is_refused_and_logged(
    caplog: pytest.LogCaptureFixture,
):
    async with Responder() as bot:
        bot.latest = message(7, bot.keys)
        bot.said["sequence"] = 2**53
        heard = Heard()
        with caplog.at_level(logging.WARNING, "butt.monitor"):
            await heard.of(bot, 20, lambda all_: any(getattr(one, "sequence", 0) == 7 for one in all_))
        assert {one.sequence for one in heard.all if isinstance(one, BotFigures)} == {0, 7}
        said = f"its feed has come to message {2**53}. That is not believed, as it shows 7."
        assert [record for record in caplog.records if said in record.getMessage()]


@pytest.mark.django_db(transaction=True)
async def test_a_bot_that_pushes_without_a_pause_makes_one_row_a_second():
    owner = await sync_to_async(person)("alice")
    row = await sync_to_async(bot_in)(State.ALIVE, owner)
    async with Responder(pause=0.005) as bot:
        heard = Heard(row.id)
        writing = asyncio.create_task(heard.buffer.run())
        await heard.of(bot, 3.5)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    assert 2 <= await Sample.objects.filter(bot=row).acount() <= 5
    assert all(isinstance(one, BotFigures) for one in heard.all)


async def test_a_bot_that_hangs_up_after_each_push_is_dialled_less_and_less_often():
    async with Responder() as bot:
        bot.hangs_up = True
        heard = Heard()
        await heard.of(bot, 4.0)
        assert len([one for one in heard.all if isinstance(one, BotFigures)]) < 40


async def test_a_bot_that_floods_is_disconnected():
    async with Responder(pause=0) as bot:
        bot.said["more"] = "x" * BOT_FIGURES.most
        heard = Heard()
        await heard.of(bot, 20, lambda all_: all_)
        assert heard.all == [f"The bot sends more than {BOT_FIGURES.most} bytes of figures in a second."]


async def test_a_bot_that_floods_with_signs_of_life_is_disconnected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("butt.limits.table._given", lambda _: {"bot-figures": 4096})
    async with Responder(pause=0) as bot:
        heard = Heard()

        def is_refused(told: list[Any]) -> bool:
            bot.said = UNCHANGED if told else bot.said
            return len(told) > 1

        await heard.of(bot, 20, is_refused)
        assert heard.all[-1] == "The bot sends more than 4096 bytes of figures in a second."


@pytest.mark.django_db
def test_a_bot_on_trial_is_not_believed_until_it_is_proven():
    bot = bot_of(KEYS, previous="r0")
    said = [Seen(timezone.now(), figures(timezone.now(), sequence=9))]
    write({bot.id: said})
    assert known(bot) == 0
    # It goes back, and only now is saved what it said on trial.
    Progress.objects.filter(bot=bot).update(previous="", state=State.STOPPING)
    write({bot.id: said})
    Progress.objects.filter(bot=bot).update(state=State.STARTING, launch=2)
    write({bot.id: said})
    assert known(bot) == 0
    write({bot.id: [Seen(timezone.now(), figures(timezone.now(), sequence=7, launch=2))]})
    assert known(bot) == 7, "what is proven is believed"
    Progress.objects.filter(bot=bot).update(previous="r1", state=State.UPGRADING)
    write({bot.id: said})
    assert known(bot) == 7, "and never lost"


class Ended:
    """A host on which the bot's process has ended with this message."""

    def __init__(self, bot: Agent, latest: Any) -> None:
        self._seen = {bot.id: Sighting(ssb_id=KEYS.id, latest=latest)}

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        return self._seen

    def apply(self, order: Order) -> None:
        self.told = order.sequence


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("latest", "previous", "believed"),
    [
        (message(7).value, "", 7),
        (message(7).value, "r0", 0),
        ({**message(7).value, "sequence": FAR}, "", 0),
        (message(7, KeyPair.generate()).value, "", 0),
    ],
)
def test_the_last_message_of_a_bot_is_believed_only_if_signed_and_proven(
    latest: Any, previous: str, believed: int
):
    bot = bot_of(KEYS, State.STARTING, previous=previous, due_at=timezone.now())
    host = Ended(bot, latest)
    assert Steward(host, ()).round()  # type: ignore[arg-type]
    assert known(bot) == host.told == believed


@pytest.mark.django_db
def test_a_machine_reports_the_last_message_of_a_bot_that_ended():
    here = machine()
    bot = placed_bot(person("alice"), here)
    stored = json.dumps({"key": message(7).key, "value": message(7).value})
    for latest, sequence in ((stored, 7), (stored.replace(": 7,", ": 8,"), 0), ("{", 0), ("[1]", 0), ("", 0)):
        seen = {"launch": 1, "running": False, "latest": latest}
        take(here.minion_id, read_report(json.dumps(report(bots={str(bot.id): seen})).encode()))
        found = sighting(Placement.objects.select_related("machine").get(bot=bot), timezone.now())
        assert shown(found.latest, KEYS.id) == sequence


@pytest.mark.parametrize(("sequence", "on_trial", "told"), [(5, False, 7), (7, False, 0), (5, True, 0)])
def test_it_reports_an_unknown_message_and_none_of_a_trial(
    folder: Folder, sequence: int, on_trial: bool, told: int
):
    here = module_of("butt")
    if on_trial:
        trial.begin(folder.data, "new")
    mounts = [{"Destination": "/data", "Source": str(folder.data)}]
    there = {"Mounts": mounts, "Config": {"Labels": {"butt.bot": "bot"}}}
    said = here["_latest"](there, {"sequence": sequence})
    assert (json.loads(said)["value"]["sequence"] if said else 0) == told


def test_many_long_messages_do_not_make_a_report_too_long():
    here = module_of("butt")
    seen = [{"latest": "x" * 26_000} for _ in range(500)]
    here["_bound"](seen)
    assert 0 < sum(len(one.get("latest", "")) for one in seen) <= here["MOST_LATEST"] < MOST_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A bot that published seven messages before its trial, and noted that."""
    found = Folder(tmp_path)
    found.data.mkdir()
    KEYS.save(found.secret)
    says(found, 5, 6, 7)
    note(found, 7)
    return found


def says(folder: Folder, *sequences: int) -> None:
    stored = [b'{"key":"%s","value":%s}' % (one.key.encode(), one.text) for one in map(message, sequences)]
    (folder.data / "flume").mkdir(exist_ok=True)
    (folder.data / "flume" / "log.offset").write_bytes(log_of(stored))


def note(folder: Folder, sequence: int) -> None:
    (folder.data / "sequence").write_text(f"{sequence:015d}\n")


@pytest.mark.parametrize(
    ("noted", "logged", "left"),
    [
        pytest.param(999_999_999_999_999, (5, 6, 7), 7, id="a number that the log does not show goes"),
        pytest.param(9, (7, 8, 9), 9, id="one that it shows stays"),
        pytest.param(9, (5, 6), 7, id="and never is less known than before"),
    ],
)
def test_a_rejected_release_leaves_no_sequence_that_stops_the_earlier_one(
    folder: Folder, noted: int, logged: tuple[int, ...], left: int
):
    trial.begin(folder.data, "new")
    assert trial.is_on(folder.data)
    note(folder, noted)
    says(folder, *logged)
    trial.end(folder.data, "old")
    assert sequence_in(folder) == left
    assert not trial.is_on(folder.data)


def test_a_sequence_noted_by_a_proven_release_stays(folder: Folder):
    trial.begin(folder.data, "new")
    note(folder, 12)
    trial.end(folder.data, "new")
    assert sequence_in(folder) == 12


def test_the_last_message_is_found_at_the_end_of_the_log_alone(folder: Folder):
    for sequences in ((1,), (5, 6, 7), (2**31 - 1,)):
        says(folder, *sequences)
        sequence, record = newest_message(folder.data, KEYS.id)
        assert newest_in(folder, KEYS.id) == json.loads(record)["value"] == message(sequence).value
        assert sequence == sequences[-1]
    log = folder.data / "flume" / "log.offset"
    log.write_bytes(log.read_bytes()[:-3])
    assert newest_message(folder.data, KEYS.id) == (0, b"")
    assert newest_in(folder, KEYS.id) is None
    log.unlink()
    log.symlink_to("/etc/passwd")
    assert newest_message(folder.data, KEYS.id) == (0, b"")
    assert newest_in(folder, KEYS.id) is None


@pytest.mark.django_db
def test_a_wrong_number_of_a_guest_hides_no_later_guests():
    bot = bot_of(KEYS)
    FeedState.objects.create(bot=bot, sequence=2**53)
    Observed.objects.filter(bot=bot).update(sequence=7)
    assert positions([bot.id]) == {bot.id: 7}
