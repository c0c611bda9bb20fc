"""From a bare Debian to a service that is well, with one command, though that is killed in the middle."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clouds.debian import BOOKWORM
from tests.installing.bare import DOMAIN, THERE, Control
from tests.installing.wheels import wheel
from tests.salt.machine import Daemon

BUTT = "/opt/butt/bin/butt"
OPTIONS = ("--domain", DOMAIN, "--mail", f"smtp://{THERE}:2525", "--billing", "free")
STEPS = 14


class Clock:
    """Tells how long each thing took, whatever pytest does with what tests print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._at = capsys, time.monotonic()

    def tell(self, what: str) -> None:
        now = time.monotonic()
        with self._capsys.disabled():
            sys.stdout.write(f"    {what}: {now - self._at:.0f} s\n")
        self._at = now


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with Control(tmp_path, wheel(tmp_path), BOOKWORM) as control:
        yield control


@pytest.fixture
def mail(control: Control, tmp_path: Path) -> Iterator[None]:
    program = (sys.executable, "-m", "tests.installing.mail_server", THERE, "2525")
    server = Daemon(control.place.command(*program), tmp_path / "mail")
    yield
    server.kill()


# What it is made of is fetched before, the first time, which counts as well.
@pytest.mark.timeout(1800)
def test_one_command_makes_a_service_of_a_bare_debian(
    control: Control, mail: None, capsys: pytest.CaptureFixture[str]
):
    clock = Clock(capsys)
    control.runs("python3", "-m", "venv", "/opt/butt")
    (ours,) = control.folder.glob("*.whl")
    control.runs("/opt/butt/bin/pip", "install", "--quiet", f"/srv/ours/{ours.name}")
    clock.tell("the wheel is installed")
    code, said = control.says(BUTT, "install", "--domain", DOMAIN)
    assert (code, "Give --mail (or BUTT_EMAIL_URL), --billing" in said) == (1, True), said
    code, said = control.says(BUTT, "install", *OPTIONS, "--dry-run")
    assert (code, said.count(": to do")) == (0, STEPS), said
    assert not control.path("/etc/butt").exists()
    control.killed_at("Salt is installed", BUTT, "install", *OPTIONS)
    clock.tell("butt install was killed while it installed Salt")
    code, said = control.says(BUTT, "install", *OPTIONS)
    assert (code, "All is well." in said) == (0, True), said
    assert f"https://{DOMAIN}/password/" in said
    clock.tell("butt install has ended, and all is well")
    assert nothing_to_do(control)
    clock.tell("butt install again: nothing to do")


def nothing_to_do(control: Control) -> bool:
    code, said = control.says(BUTT, "install")
    assert (code, said.count(": nothing to do")) == (0, STEPS), said
    return True
