"""Stripe's stand-in as a process of its own, and people who have a card there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.billing.subscriptions import Subscriptions
from butt.billing.till import Till
from butt.configuration import Configuration
from tests.billing.stripes import StandIn
from tests.lanes import free_ports
from tests.service import wait_for


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    home = tmp_path_factory.mktemp("stand-in")
    private, port, nobody = free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BUTT_")},
        "BUTT_PRIVATE_PORT": str(private),
        "BUTT_PORT": str(nobody),
    }
    command = [sys.executable, "-m", "butt", "stand-in", "--home", str(home)]
    process = subprocess.Popen(command, env=environment)
    there = StandIn(f"http://127.0.0.1:{port}")
    wait_for(there.answers)
    yield there
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def settings_with(stand_in: StandIn, tmp_path: Path) -> Configuration:
    return Configuration(billing="stripe", private_port=stand_in.port - 1, home=tmp_path)


@pytest.fixture
def house(settings_with: Configuration) -> Subscriptions:
    """The billing that pages and worker use, before the stand-in."""
    return Subscriptions(Till(settings_with), settings_with)
