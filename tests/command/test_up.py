import os
import socket
import subprocess
import sys
from pathlib import Path


def test_a_billing_that_nobody_knows_is_told_before_anything_starts(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "butt", "up", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "BUTT_BILLING": "barter"},
        check=False,
    )
    assert done.returncode == 1
    assert "There is no billing “barter”; there is free, stripe." in done.stderr


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
