"""Benchmarks and scripts are run by hand and seldom, so here each is loaded once."""

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


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_can_be_loaded_by_itself(program: str):
    alone = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    folder, _, name = program.rpartition(".")
    # A script is run by its path, which puts its folder first.
    load = (
        f"import sys; sys.path.insert(0, 'scripts'); import {name}"
        if folder == "scripts"
        else f"import {program}"
    )
    command = [sys.executable, "-c", load]
    done = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
