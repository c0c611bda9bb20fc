"""A bare Debian that becomes a control plane."""

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.clouds.debian import Debian
from tests.installing.booted import CONTROL, DOMAIN, Booted, Elsewhere
from tests.installing.wheels import PIP, WHEELS, packages
from tests.salt.land import run
from tests.service import Person, wait_for

AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
"""Caddy's own, which signs what it serves for names below `localhost`."""

PASSWORD = "correct horse battery"


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
        made = self.call("POST", "/authentication/register", {"email": email, "password": PASSWORD})
        return Person(self, made["accessToken"], made["agent"]["id"])

    def call(
        self, method: str, path: str, body: Any = None, token: str = "", expect: int | None = None
    ) -> Any:
        """A request of the public server, as it comes from elsewhere: through Caddy, over TLS."""
        command = ["curl", "-sS", "--max-time", "60", "--cacert", str(self.authority), "-X", method]
        command += ["-H", "Accept: application/json", "-w", "\n%{http_code}", "-H", "@-"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        # It takes any name below `localhost` for its own machine.
        command += ["--connect-to", f"::{CONTROL}:443", f"https://{DOMAIN}{path}"]
        said = run(
            *self.elsewhere.command(*command), text=f"Authorization: Bearer {token}\n" if token else ""
        )
        text, _, status = said.rpartition("\n")
        assert int(status) == expect if expect else int(status) < 400, f"{method} {path}: {status} {text}"
        return json.loads(text or "null")
