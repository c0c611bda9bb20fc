"""From a bare Debian to a bot that is alive on a machine, through a power cut, and off again with its data left."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clouds.debian import BOOKWORM, MACHINE, TRIXIE, image
from tests.installing.bare import Control
from tests.installing.booted import DOMAIN, ELSEWHERE, Elsewhere
from tests.installing.booted import MACHINE as ADDRESS
from tests.installing.bot_machine import IMAGES, BotMachine
from tests.installing.wheels import packages, wheel
from tests.salt.machine import Daemon
from tests.service import Person, wait_for
from tests.stopwatch import Stopwatch

DEBIAN = {each.suite: each for each in (BOOKWORM, TRIXIE)}[os.environ.get("DEBIAN", "bookworm")]
"""The control plane's. Debian 13 is for whoever asks for it: it takes as long again."""

BUTT, INSTALLED = "/opt/butt/bin/butt", "/usr/local/bin/butt"
OPTIONS = ("--domain", DOMAIN, "--mail", f"smtp://{ELSEWHERE}:2525", "--billing", "free")
STEPS = 14
PATIENT = 600.0
AS_BUTT = ("runuser", "-u", "butt", "--")
SSH = "/var/lib/butt/.ssh"
ASKS_WHETHER_IT_IS_UP = """
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", 8000, timeout=120)
connection.request("GET", "/up")
status = connection.getresponse().status
assert status < 400, status
"""
"""A small Debian has no curl."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere() as elsewhere:
        program = (sys.executable, "-m", "tests.installing.mail_server", ELSEWHERE, "2525")
        mail = Daemon(elsewhere.command(*program), tmp_path / "mail")
        yield elsewhere
        mail.kill()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Our wheel. All else that the machines are made of is fetched beside it, the first time, and mostly waits for a network."""
    with ThreadPoolExecutor() as beside:
        kept = [beside.submit(image, debian) for debian in (MACHINE, DEBIAN)]
        kept.append(beside.submit(packages, DEBIAN.python.removeprefix("python")))
        ours = wheel(tmp_path)
    for each in kept:
        each.result()
    return ours


@pytest.fixture
def control(elsewhere: Elsewhere, made: Path, tmp_path: Path) -> Iterator[Control]:
    with Control(tmp_path / "control", made, DEBIAN, elsewhere) as control:
        yield control


@pytest.fixture
def machine(elsewhere: Elsewhere, tmp_path: Path) -> Iterator[BotMachine]:
    with BotMachine(tmp_path / "machine", elsewhere) as machine:
        yield machine


# What it is made of is fetched before, the first time, which counts as well.
@pytest.mark.timeout(2400)
def test_one_command_makes_a_service_and_one_more_a_machine_for_its_bots(
    control: Control, machine: BotMachine, capsys: pytest.CaptureFixture[str]
):
    clock = Stopwatch(capsys)
    becomes_a_service(control, clock)
    alice = control.person("alice@example.org")
    gets_a_machine(control, machine, clock)
    bot = alice.names_a_bot("alices")
    before = alice.waits_for("alive", bot, PATIENT)
    assert machine.bots() == [bot["id"]]
    clock.tell("a bot is alive there in a container")
    loses_its_power_and_comes_back(control, machine, alice, before, clock)
    goes_again(control)
    assert machine.bots() == [bot["id"]], "it lives on"
    clock.tell("butt uninstall has ended, and the data is still there")


def becomes_a_service(control: Control, clock: Stopwatch) -> None:
    control.brings_the_wheel()
    clock.tell("the wheel is installed")
    code, said = control.says(BUTT, "install", "--domain", DOMAIN)
    assert (code, "Give --mail (or BUTT_EMAIL_URL), --billing" in said) == (1, True), said
    code, said = control.says(BUTT, "install", *OPTIONS, "--dry-run")
    assert (code, said.count(": to do")) == (0, STEPS), said
    assert not control.path("/etc/butt").exists()
    if DEBIAN is not BOOKWORM:
        # The machine has one image with Python, and can pull no other.
        (image_with_python,) = IMAGES
        control.writes("/etc/butt/butt.env", f"BUTT_PYTHON_IMAGE={image_with_python}\n")
    control.killed_at("Salt is installed", BUTT, "install", *OPTIONS)
    clock.tell("butt install was killed while it installed Salt")
    code, said = control.says(BUTT, "install", *OPTIONS)
    assert (code, "All is well." in said) == (0, True), said
    assert f"https://{DOMAIN}/password/" in said
    clock.tell("butt install has ended, and all is well")
    assert nothing_to_do(control)
    clock.tell("butt install again: nothing to do")
    control.runs("systemctl", "reload", "butt@public")
    control.runs("python3", "-c", ASKS_WHETHER_IT_IS_UP)


def nothing_to_do(control: Control) -> bool:
    code, said = control.says(BUTT, "install")
    assert (code, said.count(": nothing to do")) == (0, STEPS), said
    return True


def gets_a_machine(control: Control, machine: BotMachine, clock: Stopwatch) -> None:
    """As the guide says: the machine lets the service's own key in, and the service's user knows the machine."""
    machine.has_ssh()
    control.runs(*AS_BUTT, "mkdir", "-m", "700", SSH)
    control.runs(*AS_BUTT, "sh", "-c", f"ssh-keyscan {ADDRESS} >>{SSH}/known_hosts")
    code, said = control.says(INSTALLED, "machine", "add", f"root@{ADDRESS}")
    (line,) = [line.strip() for line in said.splitlines() if "authorized_keys" in line]
    assert code == 1
    machine.runs("sh", "-c", line)
    machine.trusts(control.authority)
    code, said = control.says(INSTALLED, "machine", "add", f"root@{ADDRESS}")
    assert (code, "has reported" in said) == (0, True), said
    control.leads_to("alices", ADDRESS)
    clock.tell("butt machine add has ended, and the machine has reported")


def loses_its_power_and_comes_back(
    control: Control, machine: BotMachine, alice: Person, before: Any, clock: Stopwatch
) -> None:
    began = time.monotonic()
    for each in (control, machine):
        each.loses_its_power()
    for each in (machine, control):
        each.boots()
    wait_for(lambda: control.says(INSTALLED, "doctor")[0] == 0, PATIENT)

    def is_back() -> Any:
        seen, since = alice.sees(before), time.monotonic() - began
        uptime = seen["status"]["uptime"]
        return seen if seen["state"] == "alive" and uptime is not None and uptime < since else None

    again = wait_for(is_back, PATIENT)
    assert (again["ssbId"], again["address"]) == (before["ssbId"], before["address"])
    assert machine.bots() == [before["id"]]
    assert nothing_to_do(control)
    clock.tell("both were without power, and all is as before")


def goes_again(control: Control) -> None:
    code, said = control.says(BUTT, "uninstall", "--yes")
    assert (code, "rm -r /var/lib/butt" in said) == (0, True), said
    units = control.runs("systemctl", "list-units", "--all", "--plain", "--no-legend", "butt*")
    assert units.strip() == ""
    for gone in ("/etc/butt", "/etc/caddy/butt.caddyfile", "/opt/butt-salt", INSTALLED):
        assert not control.path(gone).exists()
    assert control.path("/var/lib/butt/identity").exists()
    query = ("psql", "-At", "-d", "butt", "-c", "SELECT name FROM agents_agent")
    assert "alices" in control.runs("runuser", "-u", "postgres", "--", *query).split()
