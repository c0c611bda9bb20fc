"""The machine that is being installed on: its files, and the programs that change it."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from butt.environment import for_tools
from butt.installing import InstallError
from scuttlekit.files import write_whole

SECONDS = 600
"""How long one program may run, unless the caller says otherwise."""

TOLD = 20
"""How many of the last lines of a failed program's output are shown."""

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOR_ROOT = 0o600


@dataclass(frozen=True)
class System:
    """`root` is where its files begin, `programs` the `PATH` for its programs, and `python` what environments are made with."""

    root: Path = Path("/")
    programs: str = PROGRAMS
    python: str = sys.executable

    def path(self, place: str) -> Path:
        return self.root / place.lstrip("/")

    def run(
        self,
        *command: str,
        user: str = "",
        settings: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        mend: str = "Fix that and run `butt install` again. It continues where it stopped.",
    ) -> str:
        """The program's output. Raises `InstallError` with the last lines of it if the program fails."""
        done = self._begin(command, user, settings, seconds)
        if done.returncode:
            lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-TOLD:]
            said = "\n".join(f"    {line}" for line in lines) or "    (it says nothing)"
            raise InstallError(f"`{' '.join(command)}` failed with {done.returncode}:\n{said}\n{mend}")
        return done.stdout

    def succeeds(
        self, *command: str, user: str = "", settings: Mapping[str, str] | None = None, seconds: float = 60
    ) -> bool:
        """Whether the program exists and exits with 0."""
        with suppress(InstallError):
            return not self._begin(command, user, settings, seconds).returncode
        return False

    def says(self, *command: str, user: str = "") -> str:
        """The program's output; empty if it fails or does not exist."""
        with suppress(InstallError):
            done = self._begin(command, user, None, 60)
            return "" if done.returncode else done.stdout.strip()
        return ""

    def _begin(
        self, command: Sequence[str], user: str, settings: Mapping[str, str] | None, seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """Settings are passed in the environment: everybody on a machine can read the arguments of programs."""
        given = {"PATH": self.programs, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        given |= {"HOME": "/"} if user else {}
        given |= settings or {}
        whole = ["runuser", "-u", user, "--", *command] if user else list(command)
        try:
            return subprocess.run(
                whole,
                env=for_tools(**given),
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InstallError(f"`{' '.join(command)}` took longer than {seconds:.0f} seconds.") from None
        except OSError as error:
            raise InstallError(
                f"`{command[0]}` cannot be run: {(error.strerror or str(error)).lower()}."
            ) from None

    def has(self, place: str, text: str, mode: int = 0o644) -> bool:
        """Whether this file exists, with this text and this mode."""
        path = self.path(place)
        try:
            return path.read_text() == text and stat.S_IMODE(path.stat().st_mode) == mode
        except (OSError, UnicodeDecodeError):
            return False

    def read(self, place: str) -> str | None:
        """The file's text; None if there is no such file. Raises `InstallError` if it is not text."""
        try:
            return self.path(place).read_text()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise InstallError(f"{place} is not UTF-8 text, in line {line}. Correct that line.") from None

    def write(self, place: str, text: str, mode: int = 0o644) -> None:
        """Write it whole or not at all, and flush it to disk."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, mode=mode, lasting=True)
        path.chmod(mode)

    def remove(self, place: str) -> bool:
        """Remove a file, or a folder with everything in it; whether there was one."""
        path = self.path(place)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
            return True
        with suppress(FileNotFoundError):
            path.unlink()
            return True
        return False

    def user(self, name: str) -> tuple[int, int, str] | None:
        """The user's id, the id of their group, and their home folder."""
        for line in (self.read("/etc/passwd") or "").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2]), int(fields[3]), fields[5]
        return None

    def changed_at(self, *places: str) -> float:
        """When the newest of these files was last changed, in seconds since 1970; missing ones do not count."""
        at = 0.0
        for place in places:
            with suppress(FileNotFoundError):
                at = max(at, self.path(place).stat().st_ctime)
        return at

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One installation at a time. Raises `InstallError`."""
        path = self.path("/run/butt-install.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FOR_ROOT)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise InstallError(
                "Another `butt install` or `butt uninstall` is running. Wait until it ends."
            ) from None
        finally:
            os.close(number)
