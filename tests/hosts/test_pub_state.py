"""What a pub notes of its feed is read with care: the folder is a program's that may put anything there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from butt.hosts.interface import Folder
from butt.hosts.pub_state import id_in, sequence_in


def link(note: Path) -> None:
    elsewhere = note.parent.parent / "elsewhere"
    elsewhere.write_text("7\n")
    note.symlink_to(elsewhere)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    note = Folder(tmp_path).data / "sequence"
    note.parent.mkdir()
    return note


@pytest.mark.parametrize(
    ("text", "sequence"), [("7\n", 7), ("7", 0), ("-7\n", 0), ("9" * 16 + "\n", 0), ("", 0), ("7\n7\n", 0)]
)
def test_a_number_is_one_or_nothing_is_known(tmp_path: Path, note: Path, text: str, sequence: int):
    note.write_text(text)
    assert sequence_in(Folder(tmp_path)) == sequence


@pytest.mark.parametrize("make", [link, Path.mkdir, os.mkfifo, lambda _: None])
def test_what_is_no_file_says_nothing_and_holds_nobody_up(
    tmp_path: Path, note: Path, make: Callable[[Path], object]
):
    make(note)
    assert sequence_in(Folder(tmp_path)) == 0
    assert id_in(Folder(tmp_path)) is None
