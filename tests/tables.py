"""Databases that have all tables, made once for this code and kept: migrating takes longer than starting a service."""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "migrated"
DAY = 86_400.0

TABLES = "tables"
"""The database in each cluster of PostgreSQL that has all tables and nobody uses, so that others can be copied from it."""


@cache
def migrated() -> Path:
    """An unused SQLite database."""
    return kept("sqlite3", _migrate)


def with_tables(home: Path) -> Path:
    """Give the service in `home` a new SQLite database; returns its home."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(migrated(), home / "butt.sqlite3")
    return home


def kept(ending: str, make: Callable[[Path], None], *origins: object) -> Path:
    """What `make` writes to the path that it is called with. It is made again for other code and other `origins`."""
    KEPT.mkdir(parents=True, exist_ok=True)
    made = KEPT / f"{_digest_of_code(*origins)}.{ending}"
    with (KEPT / f"lock-{ending}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in KEPT.glob(f"*.{ending}"):
                if old.stat().st_mtime < time.time() - DAY:
                    old.unlink()
            draft = KEPT / f"draft-{ending}"
            draft.unlink(missing_ok=True)
            make(draft)
            draft.replace(made)
        made.touch()
    return made


def migrate(home: Path, **settings: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    command = [sys.executable, "-m", "butt", "manage", "--home", str(home), "migrate", "-v0"]
    subprocess.run(command, env=environment | settings, check=True, timeout=300)


def _migrate(draft: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="butt-migrated-") as home:
        migrate(Path(home))
        with closing(sqlite3.connect(Path(home) / "butt.sqlite3")) as database:
            database.execute("VACUUM INTO ?", (str(draft),))


def _digest_of_code(*origins: object) -> str:
    """A digest of everything that decides which tables there are, and what is in them at first."""
    files = [ROOT / "requirements" / "run.txt", *sorted((ROOT / "butt").rglob("*.py"))]
    digest = hashlib.sha256(repr((sys.version, *origins)).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
