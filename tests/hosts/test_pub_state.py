"""A pub's notes about its feed are read with care: its program may put anything in the folder."""

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
def test_an_invalid_sequence_counts_as_unknown(tmp_path: Path, note: Path, text: str, sequence: int):
    note.write_text(text)
    assert sequence_in(Folder(tmp_path)) == sequence


@pytest.mark.parametrize("make", [link, Path.mkdir, os.mkfifo, lambda _: None])
def test_something_that_is_not_a_file_is_ignored_and_blocks_nobody(
    tmp_path: Path, note: Path, make: Callable[[Path], object]
):
    make(note)
    assert sequence_in(Folder(tmp_path)) == 0
    assert id_in(Folder(tmp_path)) is None


@pytest.mark.parametrize("make", [link, Path.mkdir, os.mkfifo])
def test_a_secret_that_is_not_a_file_names_nobody(tmp_path: Path, note: Path, make: Callable[[Path], object]):
    make(note.with_name("secret"))
    assert id_in(Folder(tmp_path)) is None
