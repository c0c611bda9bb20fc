"""An image with Node, made from Debian's packages and the Node of our own environment: nothing is pulled."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from butt.sources.node import NODE

NAME = "butt-test-node:24"
KEPT = Path(__file__).parents[2] / "build" / "base"
UNUSED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)


def base_archive() -> Path:
    """A tar of its files, for `docker import`. Kept: making it takes a minute."""
    KEPT.mkdir(parents=True, exist_ok=True)
    made = KEPT / f"{hashlib.sha256(NODE.read_bytes()).hexdigest()[:16]}.tar"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory() as folder:
                _make(Path(folder) / "root", made)
    return made


def _make(root: Path, made: Path) -> None:
    command = ["debootstrap", "--variant=minbase", "bookworm", str(root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for name in UNUSED:
        shutil.rmtree(root / name, ignore_errors=True)
    shutil.copy(NODE, root / "usr" / "local" / "bin" / "node")
    draft = made.with_suffix(".draft")
    subprocess.run(
        ["tar", "--create", "--file", str(draft), "--directory", str(root), "."], check=True, timeout=300
    )
    draft.replace(made)
