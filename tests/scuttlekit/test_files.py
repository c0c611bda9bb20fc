"""Files that are complete, whatever process ends meanwhile."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from scuttlekit.files import whole_file, write_whole

SIZE = 1 << 20
HALF = """
import sys, time
from pathlib import Path
from scuttlekit.files import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    time.sleep(600)
"""
ON_AND_ON = """
import sys
from itertools import cycle
from pathlib import Path
from scuttlekit.files import write_whole
for letter in cycle("ab"):
    write_whole(Path(sys.argv[1]), letter * int(sys.argv[2]))
    print(letter, flush=True)
"""


@contextmanager
def running(program: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            yield writer
        finally:
            writer.kill()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_killed_writer_leaves_the_earlier_file(tmp_path: Path):
    place = tmp_path / "letter"
    write_whole(place, "the old one")
    with running(HALF, place) as writer:
        assert place.read_text() == "the old one"
        writer.kill()
        writer.wait()
    assert place.read_text() == "the old one"
    write_whole(place, "the new one")
    assert place.read_text() == "the new one"


def test_drafts_of_killed_writers_are_removed_but_not_active_ones(tmp_path: Path):
    with running(HALF, tmp_path / "killed") as writer:
        writer.kill()
        writer.wait()
    (left,) = tmp_path.iterdir()
    (tmp_path / ".letter.draft").write_text("somebody else's")
    with whole_file(tmp_path / "slow") as slow:
        write_whole(tmp_path / "letter", "whole")
        assert not left.exists()
        slow.write(b"all of it")
    assert {path.name for path in tmp_path.iterdir()} == {".letter.draft", "letter", "slow"}


def test_sweepers_and_writers_at_once_lose_nothing(tmp_path: Path):
    def write(number: int) -> Path:
        place = tmp_path / f"{number % 5}"
        write_whole(place, str(number))
        return place

    with ThreadPoolExecutor(8) as pool:
        written = set(pool.map(write, range(2000)))
    assert set(tmp_path.iterdir()) == written
    assert len(written) == 5


def test_a_reader_always_finds_a_complete_file(tmp_path: Path):
    place = tmp_path / "letter"
    for _ in range(3):
        with running(ON_AND_ON, place, SIZE) as writer:
            found = {place.read_bytes() for _ in range(100)}
            writer.kill()
            writer.wait()
        assert found | {place.read_bytes()} <= {b"a" * SIZE, b"b" * SIZE}


def test_a_failed_writer_leaves_only_the_earlier_file(tmp_path: Path):
    place = tmp_path / "letter"
    write_whole(place, "the old one")
    with pytest.raises(TypeError), whole_file(place) as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert place.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [place]


def test_a_full_disk_leaves_the_earlier_file_and_no_draft(tiny_disk: Path):
    place = tiny_disk / "letter"
    write_whole(place, "the old one")
    with pytest.raises(OSError, match="No space left"):
        write_whole(place, "x" * (1 << 20))
    assert place.read_text() == "the old one"
    assert list(tiny_disk.iterdir()) == [place]


def test_a_file_is_private_from_the_first_moment(
    tmp_path: Path,
):
    place = tmp_path / "letter"
    place.touch(mode=0o644)
    before = os.umask(0)
    try:
        with whole_file(place):
            (draft,) = set(tmp_path.iterdir()) - {place}
            assert mode_of(draft) == 0o600
        write_whole(tmp_path / "secret", "for reading", mode=0o400, lasting=True)
    finally:
        os.umask(before)
    assert mode_of(place) == 0o600
    assert mode_of(tmp_path / "secret") == 0o400


def test_two_writers_at_once_never_mix_their_files(tmp_path: Path):
    place = tmp_path / "letter"
    with whole_file(place) as slow:
        slow.write(b"the slow")
        write_whole(place, "the quick one")
        assert place.read_text() == "the quick one"
        slow.write(b" one")
    assert place.read_text() == "the slow one"
    assert list(tmp_path.iterdir()) == [place]


def test_only_one_writer_can_create_the_file(tmp_path: Path):
    place = tmp_path / "letter"

    def try_to_be(number: int) -> int | None:
        try:
            write_whole(place, str(number), lasting=True, first=True)
        except FileExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        (won,) = set(pool.map(try_to_be, range(20))) - {None}
    assert place.read_text() == str(won)
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "config.json", "{}", mode=0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "config.json") == 0o644


def test_a_pipe_that_is_named_like_a_draft_blocks_nobody(tmp_path: Path):
    pipe = tmp_path / ".note.0123456789abcdef.draft"
    os.mkfifo(pipe)
    write_whole(tmp_path / "note", "1")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
