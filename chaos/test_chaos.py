"""A short run of faults with a fixed seed; `make chaos` is the long one."""

import subprocess
import sys

import pytest

MINUTES = "0.7"


@pytest.mark.timeout(700)
@pytest.mark.parametrize("seed", [8])
def test_people_and_faults_leave_nothing_wrong(seed: int) -> None:
    """In a process of its own, because it moves into another network."""
    run = [sys.executable, "-m", "chaos", "--seed", str(seed), "--minutes", MINUTES]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
