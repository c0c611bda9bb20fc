"""Images with Node and with Python, made from programs of this machine and of our own environment: nothing is pulled."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pip

from butt.sources.node import NODE

NODE_BASE, PYTHON_BASE = "butt-test-node:24", "butt-test-python:3"
BASES = {"NODE_IMAGE": NODE_BASE, "PYTHON_IMAGE": PYTHON_BASE}
"""As a pillar names them."""

SETTINGS = {f"BUTT_{name}": image for name, image in BASES.items()}
"""As the service is told of them."""

KEPT = Path(__file__).parents[2] / "build" / "base"
MADE_WITH = ("sh", "useradd", "install", "rm")
"""What an image of a pub is made with."""

TRIED_WITH = ("cat", "cut", "grep", "id", "ln", "ls", "mkfifo", "rm", "seq", "sleep", "sort", "touch")
"""What tests do inside."""

ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\n",
    "shadow": "root:*:::::::\n",
    "login.defs": "USERGROUPS_ENAB yes\n",
}
OF_GLIBC = ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1")
"""Libraries that every system with glibc has, and that packages name though Python does not."""

LEFT_OUT = (
    "test",
    "config-*",
    "idlelib",
    "tkinter",
    "lib2to3",
    "ensurepip",
    "site-packages",
    "dist-packages",
)
"""What an image with Python has no use for."""


def base_archives() -> dict[str, Path]:
    """By its name the archive of the only image that bots need, unless their code is for Node."""
    return {PYTHON_BASE: archive(PYTHON_BASE)}


def archive(image: str) -> Path:
    """A tar of an image's files, for `docker import`. Kept, as it is the same each time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _kept(image, {NODE_BASE: _add_node, PYTHON_BASE: add_python}[image])


def _kept(image: str, add: Callable[[Path], None]) -> Path:
    origin = f"{image} {NODE.stat().st_size} {sys.version} {sys.base_prefix}".encode()
    made = KEPT / f"{hashlib.sha256(origin + Path(__file__).read_bytes()).hexdigest()[:16]}.tar"
    if not made.exists():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            add_system(root)
            add(root)
            pack(root, made)
    return made


def add_system(root: Path) -> None:
    for name in ("bin", "etc", "tmp", "root", "var/log"):
        (root / name).mkdir(parents=True)
    for link in ("usr/bin", "usr/sbin", "sbin"):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to("/bin")
    for name, text in ACCOUNTS.items():
        (root / "etc" / name).write_text(text)
    for name in {*MADE_WITH, *TRIED_WITH}:
        add_program(
            root, Path(shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") or name), f"bin/{name}"
        )


def _add_node(root: Path) -> None:
    add_program(root, NODE, "bin/node")


def add_python(root: Path) -> None:
    """With pip, as the images that people use have it."""
    library = f"usr/local/lib/python{sysconfig.get_python_version()}"
    add_program(root, Path(sys.executable).resolve(), "usr/local/bin/python")
    (root / "bin" / "python").symlink_to("/usr/local/bin/python")
    shutil.copytree(
        sysconfig.get_paths()["stdlib"],
        root / library,
        ignore=shutil.ignore_patterns(*LEFT_OUT),
        symlinks=True,
    )
    for module in (root / library / "lib-dynload").glob("*.so"):
        add_libraries(root, module)
    (libc,) = (path for path in libraries(Path(sys.executable).resolve()) if path.name == "libc.so.6")
    for name in OF_GLIBC:
        shutil.copy(libc.with_name(name), root / libc.relative_to("/").with_name(name))
    shutil.copytree(Path(pip.__file__).parent, root / library / "site-packages" / "pip")
    (root / "bin" / "pip").write_text('#!/bin/sh\nexec python -m pip "$@"\n')
    (root / "bin" / "pip").chmod(0o755)


def add_program(root: Path, program: Path, place: str) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(program, root / place)
    add_libraries(root, program)


def add_libraries(root: Path, program: Path) -> None:
    for library in libraries(program):
        add_file(root, library)


def add_file(root: Path, file: Path) -> None:
    """At the same place as here."""
    place = root / file.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copy(file, place)


def libraries(*files: Path) -> Iterator[Path]:
    """With the loader that a program names."""
    said = subprocess.run(
        ["ldd", *map(str, files)], check=True, capture_output=True, text=True, timeout=300
    ).stdout
    return (Path(found) for found in re.findall(r"(/\S+) \(0x", said))


def pack(root: Path, made: Path) -> None:
    draft = made.with_suffix(".draft")
    # An image is for any user in it, however closed what we make is.
    command = ["tar", "--create", "--mode=go+rX", "--file", str(draft), "--directory", str(root), "."]
    subprocess.run(command, check=True, timeout=300)
    draft.replace(made)
