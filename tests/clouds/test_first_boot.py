"""A real first boot: Debian, systemd and cloud-init, a volume, Docker from Debian, and a minion that joins.

From a new person to a bot that is alive, although the machine's power is cut in each step.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from butt.clouds.cloud_init import DATA, STEPS
from tests.clouds.nspawn import first_process, forget_cgroups
from tests.clouds.service import CloudService, systemd_command
from tests.people import PASSWORD
from tests.salt.land import Land, at, run
from tests.service import wait_for
from tests.whole.test_secrets import Browser

PATIENT = 300.0
IN_EACH_STEP = ("butt-mount", "butt-hold", "butt-docker", "butt-salt", "systemctl")


@pytest.fixture
def site(land: Land, built_pub: Path, tmp_path: Path) -> Iterator[CloudService]:
    boot = systemd_command(land, tmp_path / "bases", os.getpid())
    with CloudService(tmp_path / "home", built_pub, boot, start_seconds=480) as site:
        yield site
    forget_cgroups(os.getpid())


def test_a_bot_comes_alive_although_the_power_is_cut_in_each_step_of_the_boot(site: CloudService):
    alice = site.person("alice@example.org")
    site.waits_for_stock()
    bot = alice.names_a_bot("alices")
    browser = Browser(site)
    browser.ask("/start")
    browser.ask("/start", email="alice@example.org", password=PASSWORD)
    assert len(IN_EACH_STEP) == STEPS - 1, "the last one waits for somebody else"

    def says(what: str) -> bool:
        return what in browser.ask("/bots/alices")

    server = wait_for(lambda: running(site))
    machine = site.machine_of(server)
    wait_for((machine / "cuts").is_dir)
    cut = site.cuts_the_power
    for number, program in enumerate(IN_EACH_STEP, 1):
        begun = machine / "cuts" / f"{program}.begun"
        (machine / "cuts" / program).touch()
        wait_for(begun.exists, PATIENT)
        wait_for(lambda number=number: says(f"step {number} of {STEPS}"))
        if program == "butt-docker":
            # In the middle of the step: half unpacked, or not yet configured.
            wait_for(lambda: list((machine / "volumes/0/upper/usr/bin").glob("containerd*")), PATIENT)
        cut(server)
    alive = alice.waits_for("alive", bot, PATIENT)
    assert site.runs(server, "cat", "/proc/1/comm").strip() == "systemd"
    assert site.runs(server, "findmnt", "--noheadings", "--output", "FSTYPE", DATA).strip() == "ext4"
    assert site.runs(server, "docker", "info", "--format", "{{.DockerRootDir}}").strip() == f"{DATA}/docker"

    began = time.monotonic()
    cut(server)

    def is_back() -> Any:
        seen, since = alice.sees(bot), time.monotonic() - began
        uptime = seen["status"]["uptime"]
        return seen if seen["state"] == "alive" and uptime is not None and uptime < since else None

    again = wait_for(is_back, PATIENT)
    assert (again["ssbId"], again["address"]) == (alive["ssbId"], alive["address"])
    assert running(site) == server, "nobody took it for dead"


def test_nothing_of_a_machine_is_left_when_the_test_run_is_killed(land: Land, tmp_path: Path):
    ours = subprocess.Popen(["sleep", "infinity"])
    for place in ("0", "1"):
        (tmp_path / "volumes" / place).mkdir(parents=True)
    disk, document = tmp_path / "volumes" / "1" / "disk", tmp_path / "document"
    document.write_text("#cloud-config\n{}\n")
    command = shlex.split(systemd_command(land, tmp_path / "bases", ours.pid))
    given = {**os.environ, "STANDIN_ADDRESSES": at(40)}
    machine = subprocess.Popen(
        [*command, "server", str(document), str(tmp_path)], env=given, start_new_session=True
    )
    systemd = wait_for(lambda: first_process(tmp_path))
    assert run("losetup", "--associated", str(disk)) != ""
    ours.kill()
    ours.wait()
    machine.wait(10)
    wait_for(lambda: not systemd.is_running())
    wait_for(lambda: run("losetup", "--associated", str(disk)) == "")
    forget_cgroups(ours.pid)


def running(site: CloudService) -> str:
    """The id of the only server, once it runs."""
    return next((str(row["id"]) for row in site.account()["server"] if row["state"] == "running"), "")
