"""A short run of attackers with a fixed seed. `make attack` is the long one, which also judges how long
people wait.
"""

import subprocess
import sys

import pytest


@pytest.mark.timeout(700)
def test_attackers_learn_nothing_and_harm_nobody() -> None:
    run = [sys.executable, "-m", "attack", "--seed", "5", "--seconds", "5", "--untimed", "--together"]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
