"""A bare Debian that becomes a control plane."""

import subprocess
from pathlib import Path

import psutil

from tests.clouds.debian import Debian
from tests.installing.booted import CONTROL, DOMAIN, Booted, Elsewhere
from tests.installing.over_tls import Site
from tests.installing.wheels import PIP, WHEELS, packages
from tests.service import Person, wait_for

AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
"""Caddy's own, which signs what it serves for names below `localhost`."""


class Control(Booted):
    """`with Control(folder, wheel, BOOKWORM, elsewhere) as control:`"""

    def __init__(self, folder: Path, wheel: Path, debian: Debian, elsewhere: Elsewhere) -> None:
        options = [
            f"--bind-ro={packages(debian.python.removeprefix('python'))}:{WHEELS}",
            f"--bind-ro={wheel.parent}:/srv/ours",
        ]
        super().__init__("control", CONTROL, folder, debian, elsewhere, options)
        self._wheel = wheel
        self.path("/etc/pip.conf").write_text(PIP)

    def brings_the_wheel(self) -> None:
        """Into an environment of its own, as the guide says."""
        self.runs("python3", "-m", "venv", "/opt/butt")
        self.runs("/opt/butt/bin/pip", "install", "--quiet", f"/srv/ours/{self._wheel.name}")

    def killed_at(self, line: str, *command: str) -> None:
        """The command is begun, and killed when it says this line."""
        with subprocess.Popen(self.entering(*command), stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout
            said = []
            for each in program.stdout:
                said.append(each)
                if line in each:
                    break
            # Not who entered the machine, but the program itself, which its interpreter is told to run.
            # The first one: a program that it is just about to start is a copy of it for a moment.
            inside = next(
                process
                for process in psutil.Process(program.pid).children(recursive=True)
                if process.cmdline()[1:3] == list(command[:2])
            )
            inside.kill()
            assert program.wait(60), "".join(said)
        assert line in said[-1], "".join(said)

    def leads_to(self, name: str, address: str) -> None:
        """A record in DNS."""
        self.writes("/etc/hosts", f"{address} {name}.{DOMAIN}\n")

    @property
    def authority(self) -> Path:
        """Whose certificates are to be trusted elsewhere."""
        return wait_for(lambda: self.path(AUTHORITY) if self.path(AUTHORITY).exists() else None)

    def person(self, email: str) -> Person:
        """Somebody who registers."""
        return Site(DOMAIN, CONTROL, self.authority, self.elsewhere.command()).person(email)
