"""The product reads the real API's recorded answers, and reads them right."""

import subprocess
import sys
from pathlib import Path

import pytest
from scaleway_standin.recordings import EXCHANGES, distilled, load

from butt.clouds.interface import CloudTrouble
from tests.clouds.recorded import readings

ROOT = Path(__file__).parents[2]
LOOKED_THROUGH = Path(__file__).with_name("readings.txt")


def test_each_exchange_is_read_as_a_person_reads_it():
    """Print them anew with `python -m tests.clouds.recorded`, and check each change."""
    assert readings(load()) == LOOKED_THROUGH.read_text().splitlines()


def test_every_recorded_error_says_what_to_do():
    from tests.clouds.recorded import Replay

    refused = [exchange for exchange in load() if exchange.status >= 400]
    assert {exchange.status for exchange in refused} == {400, 403, 404, 429}
    with Replay() as replay:
        for exchange in refused:
            replay.exchange = exchange
            with pytest.raises(CloudTrouble) as trouble:
                replay.cloud._instances._request(exchange.method, "/instance/v1/x", body={})
            assert "Scaleway" in str(trouble.value)
            assert trouble.value.mend.endswith("."), str(trouble.value)


def test_all_recorded_exchanges_can_be_read_by_a_program(tmp_path: Path):
    command = [sys.executable, "-m", "tests.clouds.recorded", str(EXCHANGES)]
    path = f"{ROOT}:{ROOT / 'standins' / 'scaleway'}"
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == LOOKED_THROUGH.read_text().splitlines()


def test_distilling_again_changes_nothing():
    exchanges = load()
    assert distilled(exchanges) == exchanges
