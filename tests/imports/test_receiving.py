"""What is received becomes a bot or leaves nothing: killed anywhere, on a full disk, and whoever else is
there.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from django.db import connection

from butt.agents.actions import Refused
from butt.agents.bots import bots_of
from butt.agents.models import Agent, Observed
from butt.configuration import configuration
from butt.hosts.interface import Folder, HostTrouble
from butt.hosts.processes import Processes
from butt.imports.models import Import
from butt.imports.placing import folder_of, place
from butt.imports.receiving import Receiving, sweep
from tests.exports.folders import KEYS
from tests.imports.tars import folder_files, tar_of
from tests.people import person
from tests.tables import with_tables

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """Like `kill -9`: nothing catches it, nothing cleans up."""


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    for name in ("imports", "bots"):
        shutil.rmtree(configuration().home / name, ignore_errors=True)


@pytest.fixture
def tar(tmp_path: Path) -> bytes:
    return tar_of(folder_files(tmp_path / "there", messages=3).items())


def drafts() -> list[str]:
    place = configuration().home / "imports"
    return sorted(path.name for path in place.iterdir() if path.name != ".lock") if place.exists() else []


def received(who: Agent, tar: bytes, name: str = "my", **more: str) -> Agent:
    with Receiving(who, name, stopped=True, **more) as receiving:
        for at in range(0, len(tar), 1000):
            receiving.feed(tar[at : at + 1000])
        return receiving.bot()


def test_an_import_becomes_a_bot_that_catches_up_and_is_placed_once(tar: bytes, tmp_path: Path):
    bot = received(person("alice"), tar)
    assert bot.progress.ssb_id == KEYS.id
    assert (bot.observed.sequence, bot.observed.catching_up) == (3, True)
    (waiting,) = Import.objects.all()
    assert waiting.state == Import.State.PLACING
    assert drafts() == [str(waiting.id)]
    sweep()
    host = Processes(configuration().home)
    place(bot.id, host.adopt)
    place(bot.id, host.adopt)
    data = Folder(host.bots / str(bot.id)).data
    assert sorted(path.name for path in data.iterdir()) == ["blobs", "flume", "gossip.json", "secret"]
    assert (data / "secret").stat().st_mode & 0o777 == 0o400
    assert drafts() == []


def exported(there: Path, network: object) -> bytes:
    described = {"id": KEYS.id, "sequence": 3, "network": network}
    return tar_of({**folder_files(there, messages=3), "export.json": json.dumps(described).encode()}.items())


@pytest.mark.parametrize(
    ("said", "chosen", "network"),
    [("oasis", "", "oasis"), ("oasis", "oasis", "oasis"), (None, "", "main"), (None, "oasis", "oasis")],
)
def test_an_import_uses_the_network_of_its_export_or_the_chosen_one(
    tmp_path: Path, said: str | None, chosen: str, network: str
):
    bot = received(person("alice"), exported(tmp_path / "there", said), network=chosen)
    assert bot.wanted.network == network


@pytest.mark.parametrize(
    ("said", "chosen", "code"),
    [
        ("oasis", "main", "bad_network"),
        (["main"], "", "bad_archive"),
        ("elsewhere", "", "bad_archive"),
        (None, "elsewhere", "bad_network"),
    ],
)
def test_an_identity_stays_in_its_network(tmp_path: Path, said: object, chosen: str, code: str):
    alice = person("alice")
    with pytest.raises(Refused) as refused:
        received(alice, exported(tmp_path / "there", said), network=chosen)
    assert refused.value.code == code
    assert not bots_of(alice).exists()


def test_the_host_never_starts_a_bot_without_its_imported_data(tar: bytes):
    """It would make a new identity."""
    bot = received(person("alice"), tar)
    (waiting,) = Import.objects.all()
    shutil.rmtree(folder_of(waiting.id))
    with pytest.raises(HostTrouble, match="is gone"):
        place(bot.id, Processes(configuration().home).adopt)


@pytest.mark.parametrize("step", ["adopted", "not adopted"])
def test_placing_can_be_killed_before_and_after(tar: bytes, step: str):
    bot = received(person("alice"), tar)
    host = Processes(configuration().home)

    def adopt_and_die(bot_id: uuid.UUID, data: Path) -> None:
        if step == "adopted":
            host.adopt(bot_id, data)
        raise Killed

    with pytest.raises(Killed):
        place(bot.id, adopt_and_die)
    place(bot.id, host.adopt)
    assert Folder(host.bots / str(bot.id)).secret.exists()
    assert Import.objects.get().state == Import.State.DONE


def test_giving_up_leaves_nothing_and_one_can_start_again(tar: bytes):
    alice = person("alice")
    with Receiving(alice, "my", stopped=True) as receiving:
        receiving.feed(tar[:3000])
        assert drafts()
    assert (drafts(), Import.objects.count(), bots_of(alice).count()) == ([], 0, 0)
    assert received(alice, tar)


def test_a_person_imports_one_pub_at_a_time(tar: bytes):
    alice = person("alice")
    with Receiving(alice, "my", stopped=True) as first:
        with pytest.raises(Refused) as no, Receiving(alice, "other", stopped=True):
            raise AssertionError
        assert no.value.code == "import_under_way"
        with Receiving(person("bob"), "bobs", stopped=True):
            assert len(drafts()) == 2
        first.feed(tar)
        assert first.bot()


def test_an_identity_exists_here_only_once(tar: bytes):
    received(person("alice"), tar)
    with pytest.raises(Refused) as no:
        received(person("bob"), tar, "bobs")
    assert no.value.code == "already_here"
    assert len(drafts()) == 1


def test_two_imports_of_the_same_pub_at_once_make_one_bot(tar: bytes):
    alice, bob = person("alice"), person("bob")
    with Receiving(alice, "my", stopped=True) as first, Receiving(bob, "bobs", stopped=True) as second:
        first.feed(tar)
        second.feed(tar)
        first.bot()
        with pytest.raises(Refused) as no:
            second.bot()
        assert no.value.code == "already_here"
    assert Observed.objects.count() == 1


def test_a_key_and_a_log_of_two_identities_are_refused(tmp_path: Path, tar: bytes):
    from scuttlekit import KeyPair

    files = folder_files(tmp_path / "misfit")
    files["secret"] = KeyPair.generate().format().encode()
    with pytest.raises(Refused) as no:
        received(person("alice"), tar_of(files.items()))
    assert no.value.code == "key_misfit"
    assert drafts() == []


def test_an_unfinished_last_record_is_left_out(tmp_path: Path):
    files = folder_files(tmp_path / "live", messages=3)
    files["flume/log.offset"] += files["flume/log.offset"][:50]
    assert received(person("alice"), tar_of(files.items())).observed.sequence == 3


KILLED = """
import os, sys, traceback
from butt.command import configure
configure(home=sys.argv[1])
from butt.agents.models import Agent
from butt.imports.receiving import Receiving
tar = open(sys.argv[2], "rb").read()

def receive(left):
    def tick(frame, event, arg):
        nonlocal left
        if event == "line" and frame.f_code.co_filename.endswith(("imports/receiving.py", "imports/tar_filter.py")):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
        return tick

    sys.settrace(tick)
    with Receiving(Agent.objects.get(type="person"), "my", stopped=True) as receiving:
        receiving.feed(tar)
        receiving.bot()

for lines in sys.stdin:
    child = os.fork()
    if not child:
        try:
            receive(int(lines))
        except Exception:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""For each number it reads: a process of its own receives, and dies after so many lines of code. It prints how that one ended."""


def test_after_a_kill_at_any_line_there_is_a_whole_bot_or_none(tar: bytes, tmp_path: Path):
    """Real processes, killed with signal 9; each next one finds the home folder as the last one left it."""
    (tmp_path / "tar").write_bytes(tar)
    home = with_tables(tmp_path / "home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    alice = [sys.executable, "-m", "butt", "manage", "--home", home, "shell", "-c", MAKE_ALICE]
    subprocess.run(alice, env=environment, capture_output=True, timeout=120, check=True)
    ends = []
    command = [sys.executable, "-c", KILLED, home, tmp_path / "tar"]
    with subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True) as killed:
        assert killed.stdin
        assert killed.stdout
        for lines in itertools.chain(range(0, 60, 7), range(60, 2000, 61)):
            print(lines, file=killed.stdin, flush=True)
            ends.append(int(killed.stdout.readline()))
            assert ends[-1] in (0, -9, 1)
            state = look(home)
            if state["bots"]:
                assert state == {"bots": 1, "placing": 1, "folders": 1, "whole": True}
                break
    assert ends.count(-9) > 10
    assert state["bots"] == 1
    assert ends[-1] in (0, -9)


MAKE_ALICE = (
    "from butt.accounts.entry import register; register('a@example.org', 'correct horse battery', 'Alice')"
)


def look(home: Path) -> dict[str, object]:
    import sqlite3

    database = sqlite3.connect(home / "butt.sqlite3", timeout=20)
    (bots,) = database.execute("SELECT count(*) FROM agents_progress WHERE ssb_id IS NOT NULL").fetchone()
    (placing,) = database.execute("SELECT count(*) FROM imports_import WHERE state = 'placing'").fetchone()
    rows = [
        uuid.UUID(row[0]) for row in database.execute("SELECT id FROM imports_import WHERE state = 'placing'")
    ]
    database.close()
    folders = [home / "imports" / str(row) for row in rows]
    return {
        "bots": bots,
        "placing": placing,
        "folders": len(folders),
        "whole": all((path / "secret").exists() and (path / "flume/log.offset").exists() for path in folders),
    }


@pytest.mark.parametrize("size", ["8m", "70m"])
def test_on_a_full_disk_nothing_is_kept_and_with_room_it_works(
    small_disk: Path,
    settings_of: Callable[..., None],
    tmp_path: Path,
    size: str,
):
    alice = person("alice")
    files = folder_files(tmp_path / "big")
    tar = tar_of({**files, f"blobs/sha256/ab/{'0' * 62}": bytes(20 << 20)}.items())
    settings_of(home=small_disk)
    subprocess.run(["mount", "-o", f"remount,size={size}", small_disk], check=True)
    with pytest.raises(Refused) as no:
        received(alice, tar)
    assert no.value.code == "disk_full"
    assert (drafts(), Import.objects.count()) == ([], 0)
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    assert received(alice, tar).observed.sequence == 2
    connection.close()


USABLE = {"host": "pub.example.org", "port": 8008, "key": KEYS.id, "source": "pub", "failure": 2}


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        pytest.param(json.dumps([USABLE, 7, {"host": {}}, {**USABLE, "port": "x"}, None]), 1, 4, id="some"),
        pytest.param(json.dumps([{**USABLE, "ping": 5, "duration": "x"}]), 1, 0, id="odd figures of a peer"),
        pytest.param("[" * 100_000, 0, 1, id="too deep"),
        *(pytest.param(text, 0, 1, id=text) for text in ("7", "{}", "", "[{", "nothing")),
    ],
)
def test_addresses_that_cannot_be_used_are_left_out_and_counted(
    tmp_path: Path, text: str, kept: int, left_out: int
):
    files = {**folder_files(tmp_path / "there"), "gossip.json": text.encode()}
    with Receiving(person("alice"), "my", stopped=True) as receiving:
        receiving.feed(tar_of(files.items()))
        receiving.bot()
    assert receiving.left_out == left_out
    (waiting,) = Import.objects.all()
    peers = json.loads((folder_of(waiting.id) / "gossip.json").read_text())
    shown = [(peer["host"], peer["failure"], peer.get("ping")) for peer in peers]
    assert shown == kept * [("pub.example.org", 2, None)]
