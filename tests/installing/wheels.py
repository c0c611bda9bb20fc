"""What pip finds on a machine without a network: our own wheel, and a folder with the packages of the lockfiles, which is kept."""

import fcntl
import hashlib
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

from butt.resources import PUB_SOURCE, SALT_LOCK

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "wheels"
LOCKS = (ROOT / "requirements" / "run.txt", SALT_LOCK, PUB_SOURCE / "requirements.txt")
BUILDS = ("setuptools", "wheel", "cython", "looseversion", "packaging", "importlib-metadata")
"""What Salt and one of its packages are built with, as they come as source."""

WHEELS = "/srv/wheels"
"""Where that folder is on a machine."""

PIP = f"[global]\nno-index = true\nfind-links = {WHEELS}\ndisable-pip-version-check = true\n"
"""What pip is told there."""


def packages(python: str, *more: Path) -> Path:
    """The folder with all that is downloaded for this version of Python; the first time, that takes a minute.

    `more` are further lockfiles.
    """
    locks = (*LOCKS, *more)
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    name = "-".join((python, *(lock.stem for lock in more)))
    made = KEPT / f"{name}-{digest}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in (*KEPT.glob(f"{name}-{'[0-9a-f]' * 16}"), *KEPT.glob("draft")):
                shutil.rmtree(old)
            draft = KEPT / "draft"
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            pip += [f"--python-version={python}", f"--dest={draft}"]
            for source in locks:
                _run([*pip, "--require-hashes", "-r", str(source)])
            _run([*pip, *BUILDS])
            draft.rename(made)
    return made


def wheel(folder: Path) -> Path:
    """Ours, made of the last commit as a release is."""
    script = runpy.run_path(str(ROOT / "scripts" / "release.py"))
    script["packages"](script["checked_out"](folder), folder)
    (made,) = folder.glob("*.whl")
    return made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
