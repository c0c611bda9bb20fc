"""A running server: a process of the boot command, which outlives the stand-in and is found again."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from scaleway_standin.links import cut
from scaleway_standin.world import Thing, World

PATIENCE = 10.0
"""Seconds that a machine gets to stop by itself."""


class Machines:
    """The boot command is called as `COMMAND SERVER_ID CLOUD_INIT_FILE FOLDER`.

    `FOLDER/volumes/N` leads to the folder that stands for the volume at place N; place 0 is the root.
    `STANDIN_ADDRESSES` holds the server's public addresses, separated by commas. The command is the machine:
    SIGTERM is its power button.
    """

    def __init__(self, world: World, boot: str) -> None:
        self._world, self._boot = world, shlex.split(boot)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def folder(self, server_id: str) -> Path:
        return self._world.folder / "machines" / server_id

    def start(self, server: Thing, addresses: list[str]) -> None:
        folder = self.folder(server["id"])
        folder.mkdir(parents=True, exist_ok=True)
        self.link(server)
        if not self._boot:
            return
        document = folder / "cloud-init"
        document.touch(mode=0o600)
        document.write_text(server["_user_data"].get("cloud-init", ""))
        with (folder / "console.log").open("ab") as log:
            child = subprocess.Popen(
                [*self._boot, server["id"], str(document), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "STANDIN_ADDRESSES": ",".join(addresses),
                    "STANDIN_TYPE": server["commercial_type"],
                },
            )
        self._children[server["id"]] = child
        self._world.put("machine", {"id": server["id"], "pid": child.pid, "began": _began(child.pid)})

    def link(self, server: Thing) -> None:
        """Have the machine's folder show the volumes that are attached now."""
        places = self.folder(server["id"]) / "volumes"
        places.mkdir(parents=True, exist_ok=True)
        for old in places.iterdir():
            old.unlink()
        for place, volume in server["_volumes"].items():
            (places / place).symlink_to(self._world.folder / "volumes" / volume)

    def is_running(self, server_id: str) -> bool:
        machine = self._world.kinds.get("machine", {}).get(server_id)
        if child := self._children.get(server_id):
            child.poll()
        return bool(machine) and machine["began"] is not None and _began(machine["pid"]) == machine["began"]

    def stop(self, server_id: str, *, at_once: bool = False) -> None:
        """Press the power button, and pull the plug if that does not help."""
        if self.is_running(server_id):
            pid = self._world.kinds["machine"][server_id]["pid"]
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL if at_once else signal.SIGTERM)
            until = time.monotonic() + PATIENCE
            while self.is_running(server_id) and time.monotonic() < until:
                time.sleep(0.01)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        if child := self._children.pop(server_id, None):
            child.wait()
        self._world.drop("machine", server_id)

    def burn(self, server_id: str) -> None:
        """Lose the machine from one moment to the next, without a goodbye."""
        inside = self.folder(server_id) / "pid"
        if inside.exists():
            cut(int(inside.read_text()))
        self.stop(server_id, at_once=True)

    def forget(self, server_id: str) -> None:
        self.stop(server_id, at_once=True)
        for link in (self.folder(server_id) / "volumes").glob("*"):
            link.unlink()

    def stop_all(self) -> None:
        for machine in self._world.all("machine"):
            self.stop(machine["id"])


def _began(pid: int) -> str | None:
    """When the process began, in the kernel's count; None if there is none, or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
