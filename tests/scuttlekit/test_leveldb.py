"""Folders that LevelDB itself wrote, through the package `level` of ssb-server."""

import json
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, leveldb
from scuttlekit.leveldb import _batch, _block, _Fields, _records, _Version, read
from scuttlekit.snappy import decompress
from tests.scuttlekit.peers import few
from tests.scuttlekit.v8 import NODE


class Level:
    def __init__(self, release: Path, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [NODE, Path(__file__).with_name("level.js"), release, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, *operation: Any) -> Any:
        self.process.stdin.write(json.dumps(operation) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def agrees(self) -> bool:
        """Whether we find in its files what it finds."""
        theirs = self.do("all")
        # It moves its files while it is open.
        self.do("close")
        ours = {key.decode(): value.decode() for key, value in read(self.folder).items()}
        self.do("open")
        return ours == theirs


@contextmanager
def level(release: Path, folder: Path) -> Iterator[Level]:
    """An open LevelDB; after the test it is closed, or ended if it does not close."""
    opened = Level(release, folder)
    try:
        yield opened
        opened.process.stdin.close()
        opened.process.wait(20)
    finally:
        opened.process.kill()
        opened.process.wait()
        opened.process.stdout.close()


@pytest.fixture(scope="module")
def written(built_stock: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables, a log and deletions in both."""
    folder = tmp_path_factory.mktemp("level") / "store"
    with level(built_stock, folder) as store:
        for number in range(40):
            store.do("put", f"key {number}", f"value {number} " * 20)
        store.do("del", "key 1")
        store.do("compact")
        store.do("put", "key 2", "changed")
        store.do("del", "key 3")
    return folder


@pytest.mark.parametrize("seed", range(3))
def test_it_reads_what_level_reads_whatever_was_done(built_stock, tmp_path, seed):
    draw = random.Random(seed)
    with level(built_stock, tmp_path / "store") as store:
        for _ in range(8):
            for _ in range(60):
                key = f"key {draw.randrange(90)}"
                if draw.random() < 0.3:
                    store.do("del", key)
                else:
                    # Some compress well, some not; some are longer than a block of the log.
                    word = draw.choice(["é", "repeated words ", f"{draw.getrandbits(120):030x}"])
                    store.do("put", key, word * draw.randrange(draw.choice([1, 30, 3000]) + 1))
            assert store.agrees()
            if draw.random() < 0.5:
                store.do("compact")
                assert store.agrees()
        assert list(store.folder.glob("*.ldb"))
        assert list(store.folder.glob("*.log"))


def test_it_reads_invites_as_ssb_invite_keeps_them(built_stock, tmp_path):
    invite = {
        "id": "@+7DLwEDFS+Q/JUD+aAYKjSOFVabm9eUteFxPT54aI7k=.ed25519",
        "total": 3,
        "used": 1,
        "note": "é",
    }
    with level(built_stock, tmp_path / "store") as store:
        store.do("put", invite["id"], json.dumps(invite))
    assert [json.loads(value) for value in read(tmp_path / "store").values()] == [invite]


def test_after_a_kill_everything_is_there_that_was_written(built_stock, tmp_path):
    with suppress(BrokenPipeError), level(built_stock, tmp_path / "store") as store:
        for number in range(100):
            store.do("put", f"{number}", "value")
        store.process.send_signal(signal.SIGKILL)
        store.process.wait(10)
    assert len(read(tmp_path / "store")) == 100


def test_a_log_that_ends_early_gives_what_was_written_until_then(built_stock, tmp_path):
    folder, latest, states = tmp_path / "store", {}, [{}]
    with level(built_stock, folder) as store:
        for number in range(12):
            latest[number % 5] = f"{number}".encode() * 9
            store.do("put", f"{number % 5}", latest[number % 5].decode())
            states.append({f"{key}".encode(): value for key, value in latest.items()})
    (log,) = folder.glob("*.log")
    whole = log.read_bytes()
    seen = []
    for size in range(len(whole) + 1):
        log.write_bytes(whole[:size])
        state = read(folder)
        assert state in states
        if state not in seen:
            seen.append(state)
    assert seen == states


@few
@given(st.data())
def test_a_damaged_folder_is_read_or_refused(written, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "store"
    shutil.copytree(written, folder)
    names = sorted(path.name for path in folder.iterdir() if path.name not in {"LOCK", "LOG", "LOG.old"})
    path = folder / data.draw(st.sampled_from(names))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["bit", "cut", "zeros", "removed"])):
        case "bit":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[at:]
        case "zeros":
            content[at:] = bytes(len(content) - at)
        case "removed":
            content = None
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with suppress(InvalidFormat, FileNotFoundError):
        whole = read(written)
        for key, value in read(folder).items():
            assert whole.get(key) == value or path.suffix == ".log" or path.name.startswith("MANIFEST")


def test_damage_inside_a_table_is_reported(written, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(written, folder)
    table = next(folder.glob("*.ldb"))
    content = bytearray(table.read_bytes())
    content[9] ^= 1
    table.write_bytes(content)
    with pytest.raises(InvalidFormat, match="checksum"):
        read(folder)
    table.unlink()
    with pytest.raises(FileNotFoundError, match=table.name):
        read(folder)


def test_a_folder_that_holds_too_much_is_refused(written, monkeypatch):
    monkeypatch.setattr(leveldb, "MAX_BYTES", 1000)
    with pytest.raises(InvalidFormat, match="more than 1000"):
        read(written)


@few
@given(st.binary(max_size=200))
def test_garbage_with_a_valid_checksum_is_refused(data):
    for use in (
        lambda: list(_batch(data)),
        lambda: list(_block(data)),
        lambda: _Version().apply(_Fields(data)),
        lambda: decompress(data, 1000),
        lambda: list(_records(data, skip=False)),
    ):
        with suppress(InvalidFormat):
            use()
    assert list(_records(data, skip=True)) == []


@few
@given(st.binary(max_size=60), st.integers(1, 60), st.integers(1, 64))
def test_a_snappy_copy_may_overlap_itself(start, offset, size):
    start += b"."
    offset = min(offset, len(start))
    compressed = bytes([len(start) + size, 60 << 2, len(start) - 1]) + start
    compressed += bytes([size - 1 << 2 | 2]) + offset.to_bytes(2, "little")
    expected = bytearray(start)
    for _ in range(size):
        expected.append(expected[-offset])
    assert decompress(compressed, 1000) == expected


@pytest.mark.parametrize(
    "compressed", [b"", b"\x05\0a", b"\x02\x01\x01", b"\x01\xf0", b"\xff" * 11, b"\x01\x04ab"]
)
def test_invalid_snappy_is_refused(compressed):
    with pytest.raises(InvalidFormat):
        decompress(compressed, 1000)


def test_data_that_would_become_too_long_is_refused_beforehand():
    with pytest.raises(InvalidFormat, match="longer than 1000"):
        decompress(b"\xff\xff\xff\xff\x0f", 1000)
