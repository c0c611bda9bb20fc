"""Stripe's stand-in, as `butt up` starts it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.billing.stripes import StandIn
from tests.lanes import free_ports
from tests.service import wait_for


def test_the_stand_in_keeps_its_data_when_it_is_killed(tmp_path: Path):
    private, port = free_ports(2)
    command = [sys.executable, "-m", "butt", "stand-in", "--home", str(tmp_path)]
    environment = {**os.environ, "BUTT_BILLING": "stripe", "BUTT_PRIVATE_PORT": str(private)}
    there, known = StandIn(f"http://127.0.0.1:{port}"), []
    for _ in range(3):
        process = subprocess.Popen(command, env=environment)
        try:
            wait_for(there.answers)
            assert [each["id"] for each in there.all("customers")] == known
            known.insert(0, there.v1.customers.create({"email": "alice@example.org"}).id)
        finally:
            process.kill()
            process.wait()
