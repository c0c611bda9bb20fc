"""The system itself: whether it is a supported one, and packages from Debian."""

import sys
from dataclasses import dataclass
from pathlib import Path

from butt.installing import GUIDE, NAME, InstallError
from butt.installing.plan import read
from butt.installing.system import System

KNOWN = {("debian", "12"), ("debian", "13")}
HIDDEN = ("/home", "/root", "/run/user")
"""Folders that the units hide from the service (`ProtectHome`)."""

INSTALL = ("install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
"""Debian's own timers may be using apt at the same time."""

AGAIN = (
    "Check that this machine has a network and working package sources, then run `butt install` again. It continues "
    "where it stopped."
)


def check_system(system: System, program: Path) -> None:
    """Raises `InstallError` if nothing can be installed here, before anything is done."""
    about = read(system.read("/etc/os-release") or "")
    if (about.get("ID", ""), about.get("VERSION_ID", "")) not in KNOWN:
        name = about.get("PRETTY_NAME", "unknown")
        raise InstallError(f"`butt install` is for Debian 12 and 13, and this system is {name}. {GUIDE}")
    if not system.path("/run/systemd/system").is_dir():
        raise InstallError(f"systemd is not the first process here, so it cannot run the parts. {GUIDE}")
    for path in (program, Path(sys.executable).resolve(), Path(__file__)):
        _check_open(path)


def _check_open(path: Path) -> None:
    """The service's user must be able to reach the program."""
    mend = (
        f"Install the service where its user `{NAME}` may read it: `python3 -m venv /opt/butt`, then "
        "`/opt/butt/bin/pip install` with the wheel, then `/opt/butt/bin/butt install`."
    )
    for folder in reversed(path.parents):
        if str(folder) in HIDDEN:
            raise InstallError(f"{path} lies below {folder}, which is hidden from the service. {mend}")
        if not folder.stat().st_mode & 0o001:
            raise InstallError(f"{path} lies below {folder}, which is closed to other users. {mend}")


@dataclass(frozen=True)
class Packages:
    system: System
    what: str = "PostgreSQL, Caddy, ssh and a C compiler are installed from Debian"

    @property
    def names(self) -> list[str]:
        """Salt comes partly as source, and is built."""
        own = Path(sys.base_prefix) == Path("/usr")
        python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return [
            "postgresql",
            "caddy",
            # `butt machine add HOST` uses it to reach a machine.
            "openssh-client",
            "gcc",
            "libc6-dev",
            *([f"{python}-dev", f"{python}-venv"] if own else []),
        ]

    def is_done(self) -> bool:
        query = ("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\\n", *self.names)
        states = self.system.says(*query).split("\n")
        return len(states) == len(self.names) and all(state.strip() == "ii" for state in states)

    def do(self) -> None:
        # Finish first what an interrupted run left half installed; it fails if something is still missing.
        self.system.succeeds("dpkg", "--configure", "-a", seconds=600)
        self.system.run("apt-get", "update", "-q", mend=AGAIN)
        self.system.run("apt-get", *INSTALL, "--fix-broken", mend=AGAIN)
        self.system.run("apt-get", *INSTALL, *self.names, seconds=1800, mend=AGAIN)

    def undo(self) -> str:
        if not self.is_done():
            return ""
        return f"stay; to remove them: apt-get remove {' '.join(self.names)}"
