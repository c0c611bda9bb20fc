"""Debians that boot beside each other, in namespaces of their own, on a network that nobody else sees.

    control .1 ─┬─ machine .2        192.0.2.0/24
                └─ elsewhere .3

So it needs no addresses that another test has. Elsewhere is where people and their mail server are.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.clouds.debian import Debian, image
from tests.clouds.nspawn import boot, first_process, forget_cgroups, owned_by
from tests.salt.land import end_namespace, run
from tests.service import wait_for

CONTROL, MACHINE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
DOMAIN = "butt.localhost"
"""For names below `localhost`, Caddy makes certificates by itself."""

HOSTS = f"127.0.0.1 localhost\n{CONTROL} {DOMAIN} private.{DOMAIN}\n"
"""In place of a name server."""

IS_UP = {"running", "degraded"}
ENVIRONMENT = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")


class Elsewhere:
    """`with Elsewhere() as elsewhere:` a network namespace with a switch, to which each Debian has a cable."""

    def __init__(self) -> None:
        self.name = f"butt{os.getpid()}-bare"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self._ip("link", "add", "switch", "type", "bridge")
        self._ip("addr", "add", f"{ELSEWHERE}/24", "dev", "switch")
        for device in ("lo", "switch"):
            self._ip("link", "set", device, "up")
        return self

    def __exit__(self, *_: object) -> None:
        """The last of them all."""
        end_namespace(self.name)
        forget_cgroups(os.getpid())

    def links(self, pid: int, name: str, address: str) -> None:
        """Lay a cable to the network namespace of `pid`, which takes it along when it ends."""
        peer = ("type", "veth", "peer", "name", "eth0", "netns", str(pid))
        self._ip("link", "add", name, *peer)
        self._ip("link", "set", name, "master", "switch", "up")
        there = ("nsenter", f"--net=/proc/{pid}/ns/net", "ip")
        run(*there, "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run(*there, "link", "set", device, "up")

    def unlinks(self, name: str) -> None:
        """A cable goes with the other end, but not at once."""
        run("ip", "-n", self.name, "link", "del", name, check=False)

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def _ip(self, *arguments: str) -> None:
        run("ip", "-n", self.name, *arguments)


class Booted:
    """`with Booted(…) as it:` a Debian that has been booted; what is written in it lies in a layer of its own, in `folder`."""

    def __init__(
        self,
        name: str,
        address: str,
        folder: Path,
        debian: Debian,
        elsewhere: Elsewhere,
        options: Sequence[str],
    ) -> None:
        self.name, self.folder, self.elsewhere = name, folder, elsewhere
        self._address, self._debian, self._options = address, debian, options
        self._cgroup = f"{owned_by(os.getpid())}{name}"
        self._layer = folder / "layer"
        for path in (self._layer / "upper/etc", self._layer / "work", folder / "root"):
            path.mkdir(parents=True)
        for place, text in {"machine-id": "", "hosts": HOSTS}.items():
            (self._layer / "upper/etc" / place).write_text(text)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.boots()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.loses_its_power()

    def boots(self) -> None:
        linked = self.folder / "linked"
        linked.unlink(missing_ok=True)
        command = boot(
            image(self._debian), self._layer, self.folder / "root", linked, [*self._options], self._cgroup
        )
        own = Path("/proc/self/ns/net").readlink()
        with (self.folder / "console").open("ab") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        pid = self._child.pid
        (self.folder / "pid").write_text(str(pid))
        wait_for(lambda: Path(f"/proc/{pid}/ns/net").readlink() != own)
        self.elsewhere.links(pid, self.name, self._address)
        linked.touch()
        wait_for(lambda: first_process(self.folder))
        wait_for(lambda: self.runs("systemctl", "is-system-running", check=False).strip() in IS_UP, 180)

    def loses_its_power(self) -> None:
        if self._child is None:
            return
        if systemd := first_process(self.folder):
            systemd.send_signal(signal.SIGKILL)
        self._child.kill()
        self._child.wait(30)
        self._child = None
        self.elsewhere.unlinks(self.name)

    def entering(self, *command: str) -> list[str]:
        systemd = first_process(self.folder)
        assert systemd, (self.folder / "console").read_text()[-3000:]
        return ["nsenter", f"--target={systemd.pid}", "--all", *ENVIRONMENT, *command]

    def runs(self, *command: str, check: bool = True) -> str:
        return run(*self.entering(*command), timeout=600, check=check)

    def says(self, *command: str) -> tuple[int, str]:
        """How a command ended, and all that it said."""
        done = subprocess.run(
            self.entering(*command),
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr

    def writes(self, place: str, text: str) -> None:
        """At the end of a file, which is made for root alone where there is none."""
        script = 'umask 077 && mkdir -p "$(dirname "$0")" && cat >>"$0"'
        run(*self.entering("sh", "-c", script, place), text=text)

    def path(self, place: str) -> Path:
        """Where a file lies that is not the image's own, to be read, or to be written before the boot."""
        return self._layer / "upper" / place.lstrip("/")
