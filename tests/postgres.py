"""A private PostgreSQL: a cluster in a temporary folder, reached by a socket in it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

OWNER = "postgres"


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
    """The address of an empty database; the cluster is removed at the end."""
    with cluster() as url:
        yield url


@contextmanager
def cluster() -> Iterator[str]:
    """The same for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="butt-pg-"))
    data = folder / "data"
    # PostgreSQL refuses to run as root, so its own user runs it instead.
    as_root = os.geteuid() == 0
    user = OWNER if as_root else pwd.getpwuid(os.geteuid()).pw_name
    if as_root:
        shutil.chown(folder, OWNER)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs() / program), *arguments]
        subprocess.run(
            command, check=True, user=user if as_root else None, cwd=folder, capture_output=True, timeout=300
        )

    run("initdb", "-D", str(data), "-U", "butt", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-c listen_addresses= -c fsync=off -c max_connections=40 -k {folder}"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgres://butt@{quote(str(folder), safe='')}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
