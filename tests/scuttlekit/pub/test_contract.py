"""What `PUB.md` says about the program is true."""

import re
import runpy
from pathlib import Path

import scuttlekit.pub
from scuttlekit.pub.calls.oneself import VERSION
from scuttlekit.pub.calls.table import TABLE
from scuttlekit.pub.config import FIELDS
from scuttlekit.pub.exits import EXITS

PACKAGE = Path(scuttlekit.pub.__file__).parents[2]
CONTRACT = (PACKAGE / "PUB.md").read_text()
PROGRAM = "\n".join(path.read_text() for path in Path(scuttlekit.pub.__file__).parent.rglob("*.py"))


def table(heading: str) -> str:
    """The first table below a heading."""
    return CONTRACT.split(f"## {heading}\n")[1].split("\n\n|")[1].split("\n\n")[0]


def test_every_field_of_the_configuration_is_documented():
    told = re.findall(
        r"`(\w+)`", "\n".join(re.findall(r"^\|?([^|]*)\|", table("Configuration"), re.MULTILINE))
    )
    assert set(told) == set(FIELDS)


def test_every_exit_code_is_documented():
    told = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", CONTRACT, re.MULTILINE)
    assert {event: int(code) for code, event in told} == EXITS


def test_every_event_is_documented():
    said = set(re.findall(r'\blog\(\s*"\w+",\s*"([a-z-]+)"', PROGRAM)) | {"chatter"}
    rows = re.findall(r"^\|?(.*)\| (?:info|warning)", table("The log"), re.MULTILINE)
    assert set(re.findall(r"`([a-z-]+)`", "\n".join(rows))) == said


def test_the_tables_of_calls_and_bounds_are_current():
    """Write them anew with `.venv/bin/python scripts/pub_tables.py`."""
    tables = runpy.run_path(str(PACKAGE.parents[1] / "scripts" / "pub_tables.py"))
    assert tables["written"](CONTRACT) == CONTRACT


def test_every_call_of_a_service_is_documented():
    told = re.findall(r"^- `(butt\.\w+)\(", CONTRACT, re.MULTILINE)
    assert sorted(told) == sorted(call.name for call in TABLE if call.name.startswith("butt."))


def test_the_version_is_that_of_the_package():
    assert f'version = "{VERSION}"' in (PACKAGE / "pyproject.toml").read_text()
