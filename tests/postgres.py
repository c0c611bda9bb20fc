"""A private PostgreSQL: a cluster in a temporary folder, reached by a socket in it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.tables import TABLES, kept, migrate

OWNER = "postgres"
BUTT = "butt"


def programs() -> Path:
    """The folder with PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    beside = shutil.which("initdb")
    assert beside, "PostgreSQL is needed: apt-get install postgresql"
    return Path(beside).resolve().parent


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a database with all tables and no rows of anybody; the cluster is removed at the end."""
    with cluster() as url:
        yield url


@contextmanager
def cluster() -> Iterator[str]:
    """The same for the length of a block."""
    with _folder() as folder:
        # Not as its user, who need not be allowed to read here. Each file gets back its owner.
        subprocess.run(["tar", "-xf", _packed(), "-C", folder], check=True, timeout=300)
        with _running(folder):
            yield _address(folder, BUTT)


@cache
def _packed() -> Path:
    """The files of a cluster that was stopped."""
    return kept("postgresql.tar", _pack, programs())


def _pack(draft: Path) -> None:
    with _folder() as folder:
        new = ("-U", "butt", "--auth=trust", "--no-sync", "--wal-segsize=1", "-E", "UTF8", "--locale=C")
        _run(folder, programs() / "initdb", "-D", folder / "data", *new)
        with _running(folder, stop="fast"):
            migrate(folder / "home", BUTT_DATABASE_URL=_address(folder, "postgres"))
            with psycopg.connect(_address(folder, "template1"), autocommit=True) as connection:
                for name in (TABLES, BUTT):
                    connection.execute(f"CREATE DATABASE {name} TEMPLATE postgres")  # type: ignore[call-overload]
        _run(folder, "tar", "-cf", "data.tar", "data")
        shutil.copyfile(folder / "data.tar", draft)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="butt-pg-"))
    if _user():
        shutil.chown(folder, _user())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(folder: Path, stop: str = "immediate") -> Iterator[None]:
    options = f"-c listen_addresses= -c fsync=off -c max_connections=40 -k {folder}"
    control = (programs() / "pg_ctl", "-w", "-D", folder / "data")
    _run(folder, *control, "-l", folder / "log", "-o", options, "start")
    try:
        yield
    finally:
        _run(folder, *control, "-m", stop, "stop")


def _address(folder: Path, name: str) -> str:
    return f"postgres://butt@{quote(str(folder), safe='')}/{name}"


def _run(folder: Path, *command: str | Path) -> None:
    subprocess.run(command, check=True, user=_user(), cwd=folder, capture_output=True, timeout=300)


def _user() -> str | None:
    """PostgreSQL refuses to run as root, so its own user runs it instead."""
    return OWNER if os.geteuid() == 0 else None
