"""Benchmarks and scripts are run by hand and seldom, so here each is loaded once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    f"{folder}.{path.stem}"
    for folder in ("bench", "chaos", "scripts")
    for path in (ROOT / folder).glob("*.py")
    if not path.stem.startswith("__")
)


@pytest.fixture(scope="module")
def troubles() -> dict[str, str]:
    return load(*PROGRAMS)


def load(*programs: str) -> dict[str, str]:
    """What each said when it was loaded; empty if it could be."""
    alone = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, str(Path(__file__).with_name("loading.py"))]
    done = subprocess.run(
        command, cwd=ROOT, env=alone, input="\n".join(programs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_can_be_loaded_by_itself(program: str, troubles: dict[str, str]):
    assert troubles[program] == ""


def test_what_cannot_be_loaded_is_noticed():
    (said,) = load("bench.of_nothing").values()
    assert "No module named 'bench.of_nothing'" in said
