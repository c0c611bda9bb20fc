"""An image with Node, made from programs of this machine and the Node of our own environment: nothing is pulled."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from butt.sources.node import NODE

NAME = "butt-test-node:24"
KEPT = Path(__file__).parents[2] / "build" / "base"
PROGRAMS = (
    *("sh", "useradd", "install"),  # what the pub's image is made with
    *(
        "cat",
        "cut",
        "grep",
        "id",
        "ln",
        "mkfifo",
        "rm",
        "seq",
        "sleep",
        "sort",
        "touch",
    ),  # what tests do inside
)
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\n",
    "shadow": "root:*:::::::\n",
    "login.defs": "USERGROUPS_ENAB yes\n",
}


def base_archive() -> Path:
    """A tar of its files, for `docker import`. Kept, as it is the same each time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    made = KEPT / f"{hashlib.sha256(NODE.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]}.tar"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory() as folder:
                _make(Path(folder) / "root", made)
    return made


def _make(root: Path, made: Path) -> None:
    for name in ("bin", "etc", "tmp", "root", "var/log"):
        (root / name).mkdir(parents=True)
    for link in ("usr/bin", "usr/sbin", "sbin"):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to("/bin")
    for name, text in ACCOUNTS.items():
        (root / "etc" / name).write_text(text)
    programs = {
        name: Path(shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") or name) for name in PROGRAMS
    }
    for name, program in {**programs, "node": NODE}.items():
        shutil.copy(program, root / "bin" / name)
        for library in _libraries(program):
            place = root / library.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
    draft = made.with_suffix(".draft")
    subprocess.run(
        ["tar", "--create", "--file", str(draft), "--directory", str(root), "."], check=True, timeout=300
    )
    draft.replace(made)


def _libraries(program: Path) -> list[Path]:
    """With the loader that the program names."""
    said = subprocess.run(
        ["ldd", str(program)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", said)]
