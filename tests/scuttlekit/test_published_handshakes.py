"""The published suite for the secret handshake, <https://github.com/AljoschaMeyer/shs1-testsuite>.

It plays the other side, well and badly, against programs that shake hands on stdin and stdout, 45 times at
once.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import scuttlekit
from butt.sources.releases import build
from tests.scuttlekit.v8 import NODE

SUITE = Path(__file__).with_name("shs1")
PLACES = (Path(__file__).parents[2], Path(scuttlekit.__file__).parents[1], sysconfig.get_path("purelib"))
"""Where Python finds modules without looking for them at its start, which took it half the time of a handshake."""


@pytest.mark.parametrize("role", ["client", "server"])
def test_our_side_passes_the_published_suite(role, tmp_path):
    program = tmp_path / role
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -m tests.scuttlekit.shs1.program {role} "$@"\n')
    program.chmod(0o755)
    suite = build(SUITE).path / "node_modules" / "shs1-test" / f"test-{role}.js"
    done = subprocess.run(
        [NODE, suite, program, "seed"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PLACES))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Passed the {role} test suite" in done.stdout
