"""A plain boot command: `python -m scaleway_standin.boot [OPTION]… SERVER_ID CLOUD_INIT_FILE FOLDER`.

As root on Linux it is a machine with its own network, process and mount namespaces, whose root is an overlay
over this machine's, kept in the folder of the root volume. Otherwise it is a shell whose working folder is
the machine's folder.

Isolated, `--mount PLACE=PATH` shows the volume at that place there, as if it were already mounted; `--bridge
NAME` joins the machine to that bridge of this machine with its own IPv4 address; `--run PROGRAM` is started
at every boot after the document, instead of sleeping. `--while PID` ends the machine when that process ends.

Either way, `bootcmd` of the cloud-init document is carried out at each boot, then `write_files` and `runcmd`
once for each server, and nothing else of it. It is not a virtual machine: kernel, programs and clock are this
machine's.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from scaleway_standin.links import join
from scaleway_standin.lives import ends_with

DONE = "cloud-init.done"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scaleway_standin.boot")
    parser.add_argument(
        "--mount", action="append", default=[], metavar="PLACE=PATH", help="show a volume there"
    )
    parser.add_argument("--bridge", default="", metavar="NAME", help="join the machine to it")
    parser.add_argument(
        "--prefix", type=int, default=24, help="how much of the address is the bridge's network"
    )
    parser.add_argument("--run", default="sleep infinity", metavar="PROGRAM", help="what runs at every boot")
    parser.add_argument(
        "--while", type=int, dest="pid", metavar="PID", help="the machine ends with this process"
    )
    for name in ("server_id", "document", "folder"):
        parser.add_argument(name)
    given = parser.parse_args()
    if given.pid:
        ends_with(given.pid)
    server_id, document, folder = given.server_id, Path(given.document), Path(given.folder)
    mounts = dict(each.split("=", 1) for each in given.mount)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    text = document.read_text()
    config: dict[str, Any] = yaml.safe_load(text) if text.startswith("#cloud-config") else {}
    config = config or {}
    isolated = os.geteuid() == 0 and shutil.which("unshare") is not None
    root = folder / "volumes" / "0"
    first = not (root / DONE).exists()
    program = root / "boot.sh"
    program.write_text(script(config, server_id, first=first))
    (root / DONE).write_text(server_id)
    if isolated:
        run_isolated(root, folder, program, mounts, given)
    else:
        run_plainly(folder, program)


def script(config: dict[str, Any], server_id: str, *, first: bool) -> str:
    """What cloud-init would do at this boot, as a shell script."""
    lines = ["set -u", f"export INSTANCE_ID={shlex.quote(server_id)}"]
    lines += [
        f"( {each if isinstance(each, str) else shlex.join(map(str, each))}\n)"
        for each in config.get("bootcmd", [])
    ]
    if not first:
        return "\n".join([*lines, ""])
    for file in config.get("write_files", []):
        path = '"${MACHINE_ROOT:-}"' + shlex.quote(file["path"])
        verb = ">>" if file.get("append") else ">"
        lines.append(f"mkdir -p $(dirname {path})")
        lines.append(f"printf %s {shlex.quote(file.get('content', ''))} {verb} {path}")
        lines.append(f"chmod {shlex.quote(str(file.get('permissions', '0644')))} {path}")
    commands = config.get("runcmd", [])
    lines += [command if isinstance(command, str) else shlex.join(map(str, command)) for command in commands]
    return "\n".join([*lines, ""])


def run_isolated(
    root: Path, folder: Path, program: Path | None, places: dict[str, str], given: argparse.Namespace
) -> None:
    upper, work, merged = root / "upper", root / "work", folder / "root"
    for path in (upper, work, merged):
        path.mkdir(parents=True, exist_ok=True)
    mounts = [f"mount -t overlay overlay -o lowerdir=/,upperdir={q(upper)},workdir={q(work)} {q(merged)}"]
    mounts += [f"mount -t tmpfs tmpfs {q(merged / 'dev')}", f"mkdir -m 1777 {q(merged / 'dev' / 'shm')}"]
    mounts.append(f"ln -s /proc/self/fd {q(merged / 'dev' / 'fd')}")
    for name in ("null", "zero", "full", "random", "urandom"):
        mounts += [
            f"touch {q(merged / 'dev' / name)}",
            f"mount --bind /dev/{name} {q(merged / 'dev' / name)}",
        ]
    for volume in sorted((folder / "volumes").iterdir()):
        if volume.name != "0":
            inside = merged / places.get(volume.name, f"/dev/volumes/{volume.name}").lstrip("/")
            mounts += [f"mkdir -p {q(inside)}", f"mount --bind {q(volume.resolve())} {q(inside)}"]
    mounts += [f"mount -t proc proc {q(merged / 'proc')}", f"mount --rbind /sys {q(merged / 'sys')}"]
    linked = folder / "linked"
    linked.unlink(missing_ok=True)
    if given.bridge:
        mounts.append(f"until [ -e {q(linked)} ]; do sleep 0.02; done")
    mounts.append("ip link set lo up || true")
    if program:
        (upper / "boot.sh").write_text(program.read_text())
    first = "/bin/sh /boot.sh; " if program else ""
    inner = f"chroot {q(merged)} /bin/sh -c {shlex.quote(f'{first}exec {given.run}')}"
    # The network namespace is named by the pid below; whoever wants to reach it joins it with nsenter.
    command = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "/bin/sh",
        "-ec",
        "; ".join([*mounts, inner]),
    ]
    child = subprocess.Popen(command)
    (folder / "pid").write_text(str(child.pid))
    if given.bridge:
        join(child.pid, given.bridge, os.environ.get("STANDIN_ADDRESSES", "").split(","), given.prefix)
        linked.touch()
    wait(child)


def run_plainly(folder: Path, program: Path | None) -> None:
    inside = folder / "root"
    inside.mkdir(exist_ok=True)
    if program:
        environment = {**os.environ, "MACHINE_ROOT": str(inside)}
        wait(subprocess.Popen(["/bin/sh", str(program)], cwd=inside, env=environment))
    wait(subprocess.Popen(["sleep", "infinity"]))


def wait(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def q(path: Path) -> str:
    return shlex.quote(str(path))


if __name__ == "__main__":
    main()
