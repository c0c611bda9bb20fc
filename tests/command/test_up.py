import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("BUTT_BILLING", "There is no billing “barter”; there is free, stripe."),
        ("BUTT_HOST", "There is no host “barter”; there is processes, salt."),
        ("BUTT_CLOUD", "There is no cloud “barter”; there is here, scaleway."),
    ],
)
def test_a_name_that_nobody_knows_is_told_before_anything_starts(tmp_path: Path, setting: str, said: str):
    done = subprocess.run(
        [sys.executable, "-m", "butt", "up", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, setting: "barter"},
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
        done = subprocess.run(
            [sys.executable, "-m", "butt", "up", "--home", str(tmp_path), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be had" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "butt.sqlite3").exists()
