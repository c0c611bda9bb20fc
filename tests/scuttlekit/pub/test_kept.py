"""Small files that the pub keeps: a damaged one is reported with what it costs, and the pub starts without it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scuttlekit.connection import Traffic
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.monthly import MonthlyTraffic
from scuttlekit.pub.room.privacy import Mode
from scuttlekit.pub.room.told import RoomSettings
from scuttlekit.pub.told_limits import ToldLimits

READERS = {
    "limits.json": lambda folder: ToldLimits(folder, Limits()),
    "room.json": lambda folder: RoomSettings(folder, Mode.OPEN),
    "traffic.json": lambda folder: MonthlyTraffic(folder, Traffic(), Limits()),
}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1}', '"text"'])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_reported(name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / name).write_text(text)
    READERS[name](tmp_path)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["level"] == "warning"
    assert f"{name} is damaged" in line


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_missing_file_is_none(
    read: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    read(tmp_path)
    assert capsys.readouterr().out == ""
