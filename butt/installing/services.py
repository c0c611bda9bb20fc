"""The parts of the service, run by systemd, until they are ready for people."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import butt
from butt.installing import SALT, SETTINGS, InstallError
from butt.installing.plan import Plan
from butt.installing.system import System
from butt.installing.units import FOLDER, reached_at, shipped

UNITS = ("butt@private", "butt-salt-master", "butt@steward", "butt@monitor", "butt@public")
SOCKETS = {f"{unit}.socket": unit for unit in ("butt@private", "butt@public")}
TIMER = "butt-backup.timer"
PATIENCE, PAUSE, LARGEST = 300.0, 1.0, 1 << 20
COMES = frozenset({"steward", "monitor", "salt-master", "release"})
"""What takes time and then becomes well by itself: everything else needs somebody to fix it."""


def is_current(system: System, unit: str, *files: str) -> bool:
    """Whether it starts with the machine, runs, and was started after the last change of each of its files."""
    if system.says("systemctl", "is-enabled", unit) != "enabled":
        return False
    shown = ("--property=ActiveState,SubState,ExecMainStartTimestamp", "--timestamp=unix")
    said = system.says("systemctl", "show", *shown, unit).splitlines()
    about = dict(line.partition("=")[::2] for line in said)
    started = about.get("ExecMainStartTimestamp", "").removeprefix("@")
    runs = (about.get("ActiveState"), about.get("SubState")) == ("active", "running")
    return runs and started.isdigit() and int(system.changed_at(*files)) <= int(started)


@dataclass(frozen=True)
class Services:
    system: System
    plan: Plan
    what: str = "The parts run, and start with the machine"

    def is_done(self) -> bool:
        return all(map(self._listens, SOCKETS)) and all(map(self._is_current, UNITS))

    def do(self) -> None:
        self.system.run("systemctl", "daemon-reload")
        self.system.run("systemctl", "enable", *SOCKETS, *UNITS)
        for name, unit in SOCKETS.items():
            if not self._listens(name):
                # systemd cannot listen on a socket while the part itself listens on it.
                self.system.run("systemctl", "stop", unit)
                mend = f"Look at `journalctl -u {name}`, then run `butt install` again."
                self.system.run("systemctl", "restart", name, mend=mend)
        for unit in UNITS:
            if not self._is_current(unit):
                mend = f"Look at `journalctl -u {unit}`, then run `butt install` again."
                self.system.run("systemctl", "restart", unit, mend=mend)

    def undo(self) -> str:
        stopped = False
        for unit in (TIMER, *SOCKETS, *reversed(UNITS)):
            if self.system.succeeds("systemctl", "cat", unit):
                self.system.run("systemctl", "disable", "--now", unit)
                stopped = True
        return "stopped" if stopped else ""

    def _listens(self, name: str) -> bool:
        """Whether systemd listens with the present version of this unit, now and after the next boot."""
        if self.system.says("systemctl", "is-enabled", name) != "enabled":
            return False
        shown = ("--property=ActiveState,ActiveEnterTimestamp", "--timestamp=unix")
        said = self.system.says("systemctl", "show", *shown, name).splitlines()
        about = dict(line.partition("=")[::2] for line in said)
        since = about.get("ActiveEnterTimestamp", "").removeprefix("@")
        is_on = about.get("ActiveState") == "active" and since.isdigit()
        return is_on and int(self.system.changed_at(f"{FOLDER}/{name}")) <= int(since)

    def _is_current(self, unit: str) -> bool:
        return is_current(self.system, unit, SETTINGS, f"{SALT}/done", butt.__file__, *shipped(self.plan))


@dataclass(frozen=True)
class Ready:
    system: System
    plan: Plan
    what: str = "The service is ready: its parts live, and there is code for bots"

    def is_done(self) -> bool:
        return bool(self._asked().get("ready"))

    def do(self) -> None:
        """Wait for what becomes well by itself; report at once what somebody has to fix."""
        ends = time.monotonic() + PATIENCE
        while not (said := self._asked()).get("ready"):
            ill = {name: row for name, row in said.get("checks", {}).items() if not row.get("ok")}
            if ill.keys() - COMES or time.monotonic() > ends:
                troubles = "".join(f"\n    {row.get('trouble')} {row.get('mend')}" for row in ill.values())
                raise InstallError(
                    f"All is installed, but the service is not ready:{troubles or ' it does not answer.'}"
                )
            time.sleep(PAUSE)

    def undo(self) -> str:
        return ""

    def _asked(self) -> dict[str, Any]:
        place = reached_at(self.plan, "butt@private.socket")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            try:
                with direct.open(f"http://{place}/ready", timeout=30) as answer:
                    said = json.loads(answer.read(LARGEST))
            except urllib.error.HTTPError as refused:
                said = json.loads(refused.read(LARGEST))
        except (OSError, HTTPException, ValueError):
            return {}
        return said if isinstance(said, dict) else {}
