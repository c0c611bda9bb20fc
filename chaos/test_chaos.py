"""A short run of faults with a fixed seed, `make test ARGS=chaos`; `make chaos` is the long one."""

import subprocess
import sys


def test_people_and_faults_leave_nothing_wrong() -> None:
    run = [sys.executable, "-m", "chaos", "--seed", "8", "--minutes", "0.5"]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
