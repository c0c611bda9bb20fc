"""A boot command for the stand-in: `python -m tests.clouds.nspawn --bridge NAME --bases FOLDER --while PID
SERVER_ID DOCUMENT FOLDER`.

The machine is a Debian with systemd as its first process, run by systemd-nspawn in its own namespaces. Its
root is an overlay over the image, kept on the root volume; its data volume is a file behind a loop device.
SIGTERM is its power button. SIGUSR1 cuts its power and restores it: every process is gone at once, but what
the kernel still had to write is written. It ends with the process `PID`, and so do its namespaces, its mounts
and its loop device.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Self

import psutil
from scaleway_standin.links import join
from scaleway_standin.lives import ends_with

from tests.clouds.debian import BASES, CUTS, SALT_PACKAGES, add_ours, image, salt_packages
from tests.salt.land import PREFIX
from tests.service import wait_for

DEVICE = "/dev/disk/by-id/scsi-0SCW_sbs_volume-{volume_id}"
DISK = 4 << 30
CGROUPS = Path("/sys/fs/cgroup")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clouds.nspawn")
    for option in ("--bridge", "--bases"):
        parser.add_argument(option, required=True)
    parser.add_argument("--while", type=int, dest="pid", required=True)
    for name in ("server_id", "document", "folder"):
        parser.add_argument(name)
    given = parser.parse_args()
    ends_with(given.pid)
    cgroup = f"{owned_by(given.pid)}{given.server_id}"
    machine = Machine(given.server_id, Path(given.document), Path(given.folder), given.bases, cgroup)
    signal.signal(signal.SIGTERM, lambda *_: machine.presses_the_button())
    signal.signal(signal.SIGUSR1, lambda *_: machine.loses_its_power())
    machine.runs(given.bridge, os.environ["STANDIN_ADDRESSES"].split(","))


class Machine:
    def __init__(self, server_id: str, document: Path, folder: Path, bases: str, cgroup: str) -> None:
        self._folder, self._bases, self._cgroup = folder, bases, cgroup
        self._root, volume = folder / "volumes" / "0", (folder / "volumes" / "1").resolve()
        self._device = DEVICE.format(volume_id=volume.name)
        with (volume / "disk").open("ab") as disk:
            disk.truncate(DISK)
        self._disk = volume / "disk"
        if not (self._root / "upper").exists():
            add_ours(self._root / "upper")
        seed = self._root / "upper/var/lib/cloud/seed/nocloud"
        for path in (self._root / "work", folder / "root", folder / "cuts", seed):
            path.mkdir(parents=True, exist_ok=True)
        (seed / "meta-data").write_text(f"instance-id: {server_id}\nlocal-hostname: machine\n")
        (seed / "user-data").write_bytes(document.read_bytes())
        self._child: subprocess.Popen[bytes] | None = None
        self._boots_again = True

    def runs(self, bridge: str, addresses: list[str]) -> None:
        """Runs until it is off."""
        with Loop(self._disk) as loop:
            while self._boots_again:
                self._boots_again = False
                linked = self._folder / "linked"
                linked.unlink(missing_ok=True)
                self._child = subprocess.Popen(self._command(loop.device, linked))
                (self._folder / "pid").write_text(str(self._child.pid))
                join(self._child.pid, bridge, addresses, PREFIX)
                linked.touch()
                self._child.wait()

    def presses_the_button(self) -> None:
        """systemd-nspawn has received it too, and passes it on to systemd."""
        self._boots_again = False

    def loses_its_power(self) -> None:
        self._boots_again = True
        if self._child is None:
            return
        children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children")
        with suppress(FileNotFoundError, ProcessLookupError):
            for first in children.read_text().split():
                # It counts as ended once every process in its namespace has: two boots never run side by
                # side.
                os.kill(int(first), signal.SIGKILL)

    def _command(self, loop: str, linked: Path) -> list[str]:
        more = [
            f"--bind={loop}:{self._device}",
            # System calls that Docker needs, which are forbidden otherwise.
            "--system-call-filter=add_key keyctl bpf",
            f"--bind-ro={salt_packages()}:{SALT_PACKAGES}",
            f"--bind-ro={self._bases}:{BASES}",
            f"--bind={self._folder / 'cuts'}:{CUTS}",
        ]
        return boot(image(), self._root, self._folder / "root", linked, more, self._cgroup)


def boot(lower: Path, layer: Path, root: Path, linked: Path, more: list[str], cgroup: str) -> list[str]:
    """The command that boots what is in `layer` over the image `lower`, once `linked` says that its network
    is there.

    Everything runs in namespaces of its own, and ends with the process that runs the command. Each machine
    has its own `cgroup` below ours, because systemd takes everything in its group for its own.
    """
    nspawn = [
        *("systemd-nspawn", f"--directory={root}", "--register=no", "--keep-unit", "--capability=all"),
        *("--machine=machine", "--resolv-conf=off", "--boot", *more),
    ]
    # Nobody waits for the disk: a power cut here ends only processes, and what they wrote is still there.
    layers = f"lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work,volatile"
    steps = [
        *(f"echo 0 >{shlex.quote(str(group))}/cgroup.procs" for group in _made(cgroup)),
        # Linux keeps the superblock busy after such a cut, so that nobody mounts it a second time.
        shlex.join(["rm", "-rf", f"{layer}/work/work/incompat"]),
        shlex.join(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)]),
        f"until [ -e {shlex.quote(str(linked))} ]; do sleep 0.02; done",
        f"SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec {shlex.join(nspawn)}",
    ]
    # Everything inside ends with the first process of this namespace, and that one ends with us.
    alone = ("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--mount-proc")
    return [*alone, "--fork", "--kill-child", "sh", "-ec", "; ".join(steps)]


def first_process(folder: Path) -> psutil.Process | None:
    """The machine's systemd; None while there is none."""
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        inside = psutil.Process(int((folder / "pid").read_text())).children(recursive=True)
        return next((process for process in inside if process.name() == "systemd"), None)
    return None


def owned_by(pid: int) -> str:
    """The beginning of the names of cgroups whose machines end with the process `pid`."""
    return f"butt{pid}-"


def _made(cgroup: str) -> list[Path]:
    """A group below ours in each hierarchy in which systemd keeps its units."""
    groups = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        places = {"name=systemd": CGROUPS / "systemd", "": CGROUPS / "unified"}
        place = places.get(controllers)
        if place is None:
            continue
        # Without a folder for each hierarchy there is only one.
        group = (place if place.is_dir() else CGROUPS) / own.strip("/") / cgroup
        group.mkdir(exist_ok=True)
        groups.append(group)
    return groups


def forget_cgroups(pid: int) -> None:
    """Remove the groups of machines that end with the process `pid`, as systemd-nspawn leaves them."""
    ours = {line.split(":", 2)[2].strip("/") for line in Path("/proc/self/cgroup").read_text().splitlines()}
    hierarchies = [CGROUPS, *(path for path in CGROUPS.iterdir() if path.is_dir())]
    for hierarchy, own in product(hierarchies, ours):
        for made in (hierarchy / own).glob(f"{owned_by(pid)}*"):
            for folder, _, _ in os.walk(made, topdown=False):
                wait_for(lambda folder=Path(folder): _is_removed(folder))


def _is_removed(cgroup: Path) -> bool:
    """Wait until all its processes have ended."""
    with suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()


class Loop:
    """`with Loop(file) as loop:`; `loop.device`. The kernel releases it by itself once nobody has it open."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Self:
        command = ["losetup", "--find", "--show", str(self._file)]
        self.device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self._held = os.open(self.device, os.O_RDWR)
        # The device is in use, so this only takes effect later.
        subprocess.run(["losetup", "--detach", self.device], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._held)


if __name__ == "__main__":
    sys.exit(main())
