"""What a bot may do in its container, and whom it may reach: tried from inside."""

import subprocess
import sys

import pytest

from tests.salt.bots import Bots
from tests.salt.land import METADATA, OPEN, PORT, PRIVATE
from tests.salt.machine import Engine
from tests.service import wait_for

_DIAL = """
import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
    print("reached")
except TimeoutError:
    print("silence")
except OSError as error:
    print(errno.errorcode[error.errno])
"""

_LISTEN = "import socket, time; door = socket.create_server(('0.0.0.0', 22)); time.sleep(300)"


def reaches(engine: Engine, bot: str, host: str, port: int) -> bool:
    said = engine.docker("exec", f"butt-{bot}", "python", "-c", _DIAL, host, str(port)).strip()
    assert said in {"reached", "silence", "EHOSTUNREACH", "ECONNREFUSED", "ENETUNREACH"}
    return said == "reached"


def inside(engine: Engine, bot: str, script: str) -> str:
    return engine.docker("exec", f"butt-{bot}", "sh", "-c", script, check=False).strip()


@pytest.fixture
def bot(bots: Bots) -> str:
    bot = bots.add()
    bots.converge()
    return bot


def test_a_container_has_no_rights(bot: str, engine: Engine):
    assert inside(engine, bot, "id -u") == "10001"
    assert inside(engine, bot, "grep -E 'CapEff|CapBnd' /proc/1/status | cut -f2 | sort -u") == "0" * 16
    assert inside(engine, bot, "grep NoNewPrivs /proc/self/status | cut -f2") == "1"
    assert (
        inside(engine, bot, "touch /pub/x 2>&1; touch /config/x 2>&1; touch /data/x && echo data").count(
            "Read-only"
        )
        == 2
    )
    assert inside(engine, bot, "touch /data/x && echo data") == "data"
    assert inside(engine, bot, "cat /proc/1/comm") == "docker-init"


def test_a_container_has_bounds(bot: str, engine: Engine):
    host = engine.inspect(bot)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        400 * 2**20,
        400 * 2**20,
        10**9,
        64,
    )
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "4"}}
    assert "fork" in inside(engine, bot, "for n in $(seq 100); do sleep 5 & done 2>&1")


def test_a_container_reaches_the_open_internet_only(bots: Bots, bot: str, engine: Engine):
    other = bots.add()
    bots.converge()
    place = engine.place
    networks = engine.inspect(other)["NetworkSettings"]["Networks"]["butt"]
    assert reaches(engine, bot, OPEN, PORT)
    within = {
        "metadata": (METADATA, PORT),
        "private": (PRIVATE, PORT),
        "the machine": (place.address, 22),
        "the gateway": (networks["Gateway"], 22),
        "another bot": (networks["IPAddress"], bots.wanted[other]["port"]),
        "another bot, by the machine's address": (place.address, bots.wanted[other]["port"]),
    }
    door = subprocess.Popen(place.command(sys.executable, "-c", _LISTEN))
    try:
        wait_for(lambda: ":22 " in place.run("ss", "-ltn"))
        for what, (host, port) in within.items():
            assert not reaches(engine, bot, host, port), what
        engine.docker("network", "disconnect", "butt", f"butt-{bot}")
        engine.docker("network", "connect", "bridge", f"butt-{bot}")
        for what in ("metadata", "private", "the machine"):
            assert reaches(engine, bot, *within[what]), f"{what} could not be reached without a fence either"
    finally:
        door.kill()
        door.wait()


def test_a_removed_fence_is_put_up_again(bots: Bots, bot: str, engine: Engine):
    engine.place.run("iptables", "-F", "BUTT-FENCE")
    assert reaches(engine, bot, PRIVATE, PORT)
    assert set(bots.converge()) == {"fence"}
    assert not reaches(engine, bot, PRIVATE, PORT)
    assert bots.converge() == {}
