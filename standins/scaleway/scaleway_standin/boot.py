"""A plain boot command: `python -m scaleway_standin.boot [--mount PLACE=PATH]… SERVER_ID CLOUD_INIT_FILE FOLDER`.

As root on Linux: a machine with its own network, process and mount namespaces, whose root is an overlay over
this machine's, kept in the root volume's folder. Otherwise: a shell with the machine's folder as its working folder.
Isolated, the volume at `PLACE` is shown at `PATH`, as if it were mounted already. Either way `write_files` and then `runcmd` of the cloud-init document are carried out, once for each server, and
nothing else of it. It is no virtual machine: kernel, programs and clock are this machine's.
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

DONE = "cloud-init.done"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scaleway_standin.boot")
    parser.add_argument(
        "--mount", action="append", default=[], metavar="PLACE=PATH", help="show a volume there"
    )
    for name in ("server_id", "document", "folder"):
        parser.add_argument(name)
    given = parser.parse_args()
    server_id, document, folder = given.server_id, Path(given.document), Path(given.folder)
    mounts = dict(each.split("=", 1) for each in given.mount)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    text = document.read_text()
    config: dict[str, Any] = yaml.safe_load(text) if text.startswith("#cloud-config") else {}
    config = config or {}
    isolated = os.geteuid() == 0 and shutil.which("unshare") is not None
    root = folder / "volumes" / "0"
    if not (root / DONE).exists():
        (root / "first-boot.sh").write_text(script(config, server_id))
        (root / DONE).write_text(server_id)
    program = root / "first-boot.sh"
    again = root / "boots"
    first = not again.exists()
    again.touch()
    if isolated:
        run_isolated(root, folder, program if first else None, mounts)
    else:
        run_plainly(folder, program if first else None)


def script(config: dict[str, Any], server_id: str) -> str:
    """What cloud-init would do at the first boot, as a shell script."""
    lines = ["set -u", f"export INSTANCE_ID={shlex.quote(server_id)}"]
    for file in config.get("write_files", []):
        path = '"${MACHINE_ROOT:-}"' + shlex.quote(file["path"])
        verb = ">>" if file.get("append") else ">"
        lines.append(f"mkdir -p $(dirname {path})")
        lines.append(f"printf %s {shlex.quote(file.get('content', ''))} {verb} {path}")
        lines.append(f"chmod {shlex.quote(str(file.get('permissions', '0644')))} {path}")
    commands = config.get("runcmd", [])
    lines += [command if isinstance(command, str) else shlex.join(map(str, command)) for command in commands]
    return "\n".join([*lines, ""])


def run_isolated(root: Path, folder: Path, program: Path | None, places: dict[str, str]) -> None:
    upper, work, merged = root / "upper", root / "work", folder / "root"
    for path in (upper, work, merged):
        path.mkdir(parents=True, exist_ok=True)
    mounts = [f"mount -t overlay overlay -o lowerdir=/,upperdir={q(upper)},workdir={q(work)} {q(merged)}"]
    mounts.append(f"mount -t tmpfs tmpfs {q(merged / 'dev')}")
    for name in ("null", "zero", "full", "random", "urandom"):
        mounts += [
            f"touch {q(merged / 'dev' / name)}",
            f"mount --bind /dev/{name} {q(merged / 'dev' / name)}",
        ]
    for volume in sorted((folder / "volumes").iterdir()):
        if volume.name != "0":
            inside = merged / places.get(volume.name, f"/dev/volumes/{volume.name}").lstrip("/")
            mounts += [f"mkdir -p {q(inside)}", f"mount --bind {q(volume.resolve())} {q(inside)}"]
    mounts += [f"mount -t proc proc {q(merged / 'proc')}", "ip link set lo up || true"]
    if program:
        (upper / "first-boot.sh").write_text(program.read_text())
    first = "/bin/sh /first-boot.sh; " if program else ""
    inner = f"chroot {q(merged)} /bin/sh -c {shlex.quote(first + 'exec sleep infinity')}"
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
