"""A bare Debian that becomes a control plane, and beside it a place that has a mail server: one cable between them.

    control 192.0.2.1 ── elsewhere 192.0.2.2

Nothing of it is seen from elsewhere, so it needs no addresses that another test has.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

import psutil

from tests.clouds.debian import Debian, image
from tests.clouds.nspawn import boot, first_process, forget_cgroups
from tests.installing.wheels import packages
from tests.salt.land import end_namespace, run
from tests.service import wait_for

HERE, THERE, DOMAIN = "192.0.2.1", "192.0.2.2", "butt.localhost"
WHEELS = "/srv/wheels"
PIP = f"[global]\nno-index = true\nfind-links = {WHEELS}\ndisable-pip-version-check = true\n"
HOSTS = f"127.0.0.1 localhost\n{HERE} {DOMAIN} private.{DOMAIN}\n"


class Place:
    """A network namespace at the other end of the cable."""

    def __init__(self) -> None:
        self.name, self.address = f"butt{os.getpid()}-bare", THERE
        run("ip", "netns", "add", self.name)

    def linked(self, pid: int) -> None:
        """A cable to the network namespace of `pid`, which takes it along when it ends."""
        peer = ("type", "veth", "peer", "name", "eth0", "netns", str(pid))
        run("ip", "link", "add", "eth0", "netns", self.name, *peer)
        other = ("nsenter", f"--net=/proc/{pid}/ns/net", "ip")
        for ip, address in (((*other,), HERE), (("ip", "-n", self.name), THERE)):
            run(*ip, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                run(*ip, "link", "set", device, "up")

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def end(self) -> None:
        end_namespace(self.name)


class Control:
    """`with Control(folder, wheel, BOOKWORM) as control:` a Debian that has been booted."""

    def __init__(self, folder: Path, wheel: Path, debian: Debian) -> None:
        self._debian = debian
        self.folder, self.place, self._wheel = folder, Place(), wheel
        self._layer = folder / "layer"
        for path in (self._layer / "upper/etc", self._layer / "work", folder / "root"):
            path.mkdir(parents=True)
        etc = self._layer / "upper/etc"
        for name, text in {"machine-id": "", "pip.conf": PIP, "hosts": HOSTS}.items():
            (etc / name).write_text(text)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.boots()
        return self

    def __exit__(self, *_: object) -> None:
        self.loses_its_power()
        self.place.end()
        forget_cgroups()

    def boots(self) -> None:
        linked = self.folder / "linked"
        linked.unlink(missing_ok=True)
        wheels = [
            f"--bind-ro={packages(self._debian.python.removeprefix('python'))}:{WHEELS}",
            f"--bind-ro={self._wheel.parent}:/srv/ours",
        ]
        command = boot(image(self._debian), self._layer, self.folder / "root", linked, wheels)
        own = Path("/proc/self/ns/net").readlink()
        with (self.folder / "console").open("ab") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        pid = self._child.pid
        (self.folder / "pid").write_text(str(pid))
        wait_for(lambda: Path(f"/proc/{pid}/ns/net").readlink() != own)
        self.place.linked(pid)
        linked.touch()
        wait_for(lambda: first_process(self.folder))
        wait_for(
            lambda: (
                self.runs("systemctl", "is-system-running", check=False).strip() in {"running", "degraded"}
            ),
            120,
        )

    def loses_its_power(self) -> None:
        if self._child and (systemd := first_process(self.folder)):
            systemd.send_signal(signal.SIGKILL)
        if self._child:
            self._child.kill()
            self._child.wait(30)
            # It goes with the other end, but not at once.
            run("ip", "-n", self.place.name, "link", "del", "eth0", check=False)

    def entering(self, *command: str) -> list[str]:
        systemd = first_process(self.folder)
        assert systemd, (self.folder / "console").read_text()[-3000:]
        environment = (
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
        )
        return ["nsenter", f"--target={systemd.pid}", "--all", *environment, *command]

    def runs(self, *command: str, check: bool = True) -> str:
        return run(*self.entering(*command), timeout=600, check=check)

    def says(self, *command: str) -> tuple[int, str]:
        """How a command ended, and all that it said."""
        done = subprocess.run(
            self.entering(*command),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr

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

    def path(self, place: str) -> Path:
        """Where a file lies that is not the image's own."""
        return self._layer / "upper" / place.lstrip("/")
