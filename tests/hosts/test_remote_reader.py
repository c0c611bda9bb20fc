"""Reading bots on machines: what a machine sends is unpacked with care, and removed once it is read."""

import gc
import io
import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.exports.bundle import DataSizes, ExportPart
from butt.exports.tar import packed
from butt.hosts.bundles import bundle
from butt.hosts.interface import Folder
from butt.hosts.reading import Unreadable
from butt.hosts.remote_reader import LOG_SECONDS, RemoteReader
from butt.hosts.salt.calls import Caller
from butt.hosts.salt.job_worker import SEND_SECONDS, STALL_SECONDS, JobWorker
from butt.hosts.salt.results import Returned
from butt.machines import jobs, uploads
from butt.machines.models import Machine, Upload
from tests.exports.folders import KEYS, add_blob, fill
from tests.sources.conftest import settings_of, small_disk

__all__ = ["settings_of", "small_disk"]

pytestmark = pytest.mark.django_db


def sends(bot: Agent, what: str, tar: bytes) -> None:
    """The machine has sent this tar, and the steward has handled it."""
    job = jobs.ask(bot.id, what)
    assert job
    arrives(uploads.expect(job.machine, bot.id, 1 << 20, job.id), tar)
    jobs.done(job.id)


def arrives(upload: Upload, content: bytes) -> None:
    draft = configuration().home / "uploads" / f"{uuid.uuid4()}.draft"
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(content)
    assert uploads.arrived(upload, draft)


def left() -> list[Path]:
    return list((configuration().home / "uploads").iterdir())


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return made.getvalue()


def entry(name: str, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = 3
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def test_a_remote_bot_is_read_like_a_local_one(bot: Agent, tmp_path: Path):
    here = bundle(fill(Folder(tmp_path)), ExportPart.ALL)
    sends(bot, "all", b"".join(packed(here.items, here.tar_size, 0)))
    there = RemoteReader(tmp_path).export(bot.id, ExportPart.ALL)
    assert (there.count, there.size, there.tar_size) == (here.count, here.size, here.tar_size)
    assert (there.survey, there.author) == (here.survey, KEYS.id)
    first, *rest = [(item.name, b"".join(item.read())) for item in there.items]
    assert first[0] == "secret"
    assert {data for _, data in rest} >= {b"one", b"two", b"three"}
    del there
    gc.collect()
    assert left() == []


@pytest.mark.parametrize(
    "hostile",
    [
        entry("../../secret"),
        entry("/etc/passwd"),
        entry("secret", type=tarfile.SYMTYPE, linkname="/etc/shadow", size=0),
        entry("flume", type=tarfile.SYMTYPE, linkname="/etc", size=0),
        entry("flume/log.offset", type=tarfile.LNKTYPE, linkname="secret", size=0),
        entry("blobs/sha256/../../secret"),
        entry("package.json"),
        entry("pub/secret"),
        entry("flume/log.offset", type=tarfile.GNUTYPE_SPARSE),
    ],
    ids=lambda hostile: f"{hostile.name} {hostile.type!r}",
)
def test_files_that_do_not_belong_to_a_bot_are_not_unpacked(bot: Agent, hostile: tarfile.TarInfo):
    sends(bot, "all", tar_of(entry("gossip.json"), hostile))
    with pytest.raises(Unreadable, match="We could not read"):
        RemoteReader(Path()).export(bot.id, ExportPart.ALL)
    gc.collect()
    assert left() == []


def sparse_log(size: int) -> bytes:
    """A tar of 2 KiB that claims to hold a log of `size` bytes: GNU's sparse format, with one byte at the
    end.
    """
    head = bytearray(entry("flume/log.offset").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"%011o\0" % 1
    head[156:157] = tarfile.GNUTYPE_SPARSE
    head[386:398], head[398:410] = b"%011o\0" % (size - 1), b"%011o\0" % 1
    head[483:495] = b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + b"x".ljust(512, b"\0") + bytes(1024)


def test_a_few_bytes_of_a_machine_do_not_become_gigabytes_here(bot: Agent):
    with tarfile.open(fileobj=io.BytesIO(sparse_log(3 << 30))) as tar:
        assert tar.getmembers()[0].size == 3 << 30, "as Python reads it"
    sends(bot, "log", sparse_log(3 << 30))
    before = shutil.disk_usage(configuration().home).used
    with pytest.raises(Unreadable, match="We could not read"):
        RemoteReader(Path()).export(bot.id, ExportPart.LOG)
    assert shutil.disk_usage(configuration().home).used - before < 100 << 20
    gc.collect()
    assert left() == []


def test_many_small_blobs_arrive_complete(bot: Agent, tmp_path: Path):
    folder = fill(Folder(tmp_path))
    for number in range(300):
        add_blob(folder, f"{number}".encode())
    here = bundle(folder, ExportPart.BLOBS)
    sends(bot, "blobs", b"".join(packed(here.items, here.tar_size, 0)))
    assert RemoteReader(tmp_path).export(bot.id, ExportPart.BLOBS).blobs == 303


def test_without_room_to_unpack_it_says_so_and_keeps_nothing(
    bot: Agent, small_disk: Path, settings_of: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    settings_of(home=small_disk)
    monkeypatch.setattr(uploads, "RESERVE", 0)
    tar = tar_of(entry("flume/log.offset", size=5 << 20))
    sends(bot, "log", tar)
    with pytest.raises(Unreadable, match="no room"):
        RemoteReader(small_disk).export(bot.id, ExportPart.LOG)
    gc.collect()
    assert left() == []
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    sends(bot, "log", tar)
    assert RemoteReader(small_disk).export(bot.id, ExportPart.LOG).count == 1


def test_a_duplicate_file_is_refused(bot: Agent):
    sends(bot, "secret", tar_of(entry("secret"), entry("secret")))
    with pytest.raises(Unreadable):
        RemoteReader(Path()).export(bot.id, ExportPart.SECRET)


class Answers:
    """A way to machines that send these bytes when they are asked to, if any."""

    def __init__(self, sent: bytes | None = None) -> None:
        self.sent, self.asked = sent, list[tuple[object, ...]]()

    def call(self, machine: Machine, *what: object, seconds: int = 0) -> Returned:
        raise AssertionError("the worker waits for no machine")

    def begin(self, machine: Machine, *what: object, seconds: int) -> None:
        self.asked.append((machine.minion_id, *what))
        if self.sent is not None:
            arrives(Upload.objects.get(), self.sent)

    def apply(self, machine: Machine) -> Returned:
        raise AssertionError("the worker changes nothing")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"secret": 1, "gossip": 2, "log": 3, "blobs": 4, "blobs_size": 5}', DataSizes(1, 2, 3, 4, 5)),
        (b'{"secret": -1, "gossip": 2, "log": 3, "blobs": 4, "blobs_size": 5}', None),
        (b'{"secret": 1}', None),
        (b'"a traceback"', None),
        (b"\xff", None),
        (b"[" * 4000, None),
        (b"", None),
    ],
)
def test_sizes_from_a_machine_are_checked(bot: Agent, sent: bytes, said: DataSizes | None):
    carries_out(Answers(sent), bot, "stock")
    assert left() == []
    if said is not None:
        assert RemoteReader(Path()).sizes(bot.id) == said
        return
    with pytest.raises(Unreadable, match="do not understand" if sent else "is not answering"):
        RemoteReader(Path()).sizes(bot.id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sent", "after"), [(None, STALL_SECONDS + 1), (b"", 0)], ids=["nothing", "no bytes"]
)
def test_an_export_that_does_not_arrive_is_reported(bot: Agent, sent: bytes | None, after: float):
    caller, clock = Answers(sent), Clock()
    worker = carries_out(caller, bot, "all", clock)
    upload = Upload.objects.get()
    assert caller.asked == [("m1", "butt_exports.send", str(bot.id), str(upload.id), "all")]
    clock.now += after
    worker.round()
    assert jobs.MachineJob.objects.get().trouble == "Its machine did not send it. Try again."
    assert left() == []
    assert not Upload.objects.filter(arrived_at=None).exists(), "what comes too late is not taken"


@pytest.mark.django_db(transaction=True)
def test_a_machine_that_sends_very_slowly_is_given_up(bot: Agent):
    clock = Clock()
    worker = carries_out(Answers(), bot, "all", clock)
    draft = configuration().home / "uploads" / f"{Upload.objects.get().id}.x.draft"
    rounds = 0
    while not jobs.MachineJob.objects.get().trouble:
        draft.write_bytes(bytes(rounds))
        rounds, clock.now = rounds + 1, clock.now + STALL_SECONDS - 1
        worker.round()
        assert rounds <= SEND_SECONDS / (STALL_SECONDS - 1) + 2
    assert rounds >= SEND_SECONDS / STALL_SECONDS
    draft.unlink()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def carries_out(
    caller: Caller, bot: Agent, what: str, clock: Callable[[], float] = time.monotonic
) -> JobWorker:
    jobs.ask(bot.id, what)
    worker = JobWorker(caller, clock)
    worker.round()
    worker.rest()
    worker.round()
    return worker


def test_nobody_waits_for_a_silent_machine(alices: Machine, bot: Agent):
    Machine.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    far, began = RemoteReader(configuration().home), time.monotonic()
    for read in (
        lambda: far.log(bot.id, 1000),
        lambda: far.sizes(bot.id),
        lambda: far.export(bot.id, ExportPart.ALL),
    ):
        with pytest.raises(Unreadable, match="is not answering"):
            read()
    assert time.monotonic() - began < LOG_SECONDS, "of three, each of which is waited for as long or longer"
