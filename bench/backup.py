"""Backing up and restoring 1,000 bots with a year of samples, on both databases, beside the databases' own
tools.

The rivals are `pg_dump` and `pg_restore` in their own compressed format, and SQLite's `VACUUM INTO` and a
copy of that file (which does less than a restore: it does not look at rows).
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.claims import claim
from tests.postgres import cluster, programs

BOTS = 1_000
SIGHTINGS, MINUTES, HOURS, DAYS = 360, 1_440, 720, 365
"""How many samples of each bot are kept of each resolution."""

SAMPLES = """
INSERT INTO figures_sample (bot_id, resolution, at, count, memory_sum, memory_low, memory_high, peers_sum, peers_low,
                            peers_high, bytes_in, bytes_out, disk, messages, feeds)
SELECT bot.id, {resolution}, {at}, 6, 480000000 + n * 4096, 79000000 + n, 81000000 + n * 7, n % 97, n % 3, n % 11,
       n * 311, n * 173, 5000000 + n * 1009, 100000 + n, 200 + n % 50
FROM agents_agent AS bot, {numbers} WHERE bot.type = 'bot'
"""
ON_SQLITE = (
    "(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s)"
)
ON_POSTGRES = "generate_series(0, {last}) AS n"


def main() -> None:
    with tempfile.TemporaryDirectory() as name, cluster() as url:
        folder = Path(name)
        _measure_sqlite(folder)
        _measure_postgres(folder, url)


def _measure_sqlite(folder: Path) -> None:
    place = folder / "first.sqlite3"
    _populate(folder / "first", f"sqlite:///{place}")
    with closing(sqlite3.connect(place)) as database:
        for resolution, at, last in _ages("datetime('2026-11-29', '-' || (n * {seconds}) || ' seconds')"):
            database.execute(
                SAMPLES.format(resolution=resolution, at=at, numbers=ON_SQLITE.format(last=last))
            )
        database.commit()
        copy = folder / "copy.sqlite3"
        theirs = _seconds(lambda: database.execute("VACUUM INTO ?", (str(copy),)))
    ours = _seconds(lambda: _butt(folder / "first", f"sqlite:///{place}", "backup", folder / "s.zip"))
    claim("backup of 1,000 bots with a year, on SQLite", ours, theirs, "s", "VACUUM INTO")
    theirs = _seconds(lambda: shutil.copyfile(copy, folder / "again.sqlite3"))
    new = f"sqlite:///{folder / 'second.sqlite3'}"
    ours = _seconds(lambda: _butt(folder / "second", new, "restore", folder / "s.zip"))
    claim("restore of the same, on SQLite", ours, theirs, "s", "copying the file")
    print(
        f"the backup has {(folder / 's.zip').stat().st_size / 1e6:.0f} MB, SQLite's {copy.stat().st_size / 1e6:.0f} MB"
    )


def _measure_postgres(folder: Path, url: str) -> None:
    first, second, third = (_database(url, name) for name in ("first", "second", "third"))
    _populate(folder / "third", first)
    with psycopg.connect(first) as database:
        for resolution, at, last in _ages("timestamptz '2026-11-29' - n * interval '{seconds} seconds'"):
            sql = SAMPLES.format(resolution=resolution, at=at, numbers=ON_POSTGRES.format(last=last))
            database.execute(sql)  # type: ignore[call-overload]
    with psycopg.connect(first, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")
    dump = folder / "dump"
    theirs = _seconds(lambda: _run(programs() / "pg_dump", "-Fc", "-f", dump, first))
    ours = _seconds(lambda: _butt(folder / "third", first, "backup", folder / "p.zip"))
    claim("backup of 1,000 bots with a year, on PostgreSQL", ours, theirs, "s", "pg_dump")
    theirs = _seconds(lambda: _run(programs() / "pg_restore", "--no-owner", "-d", second, dump))
    ours = _seconds(lambda: _butt(folder / "fourth", third, "restore", folder / "p.zip"))
    claim("restore of the same, on PostgreSQL", ours, theirs, "s", "pg_restore")
    print(
        f"the backup has {(folder / 'p.zip').stat().st_size / 1e6:.0f} MB, pg_dump's {dump.stat().st_size / 1e6:.0f} MB"
    )


def _ages(at: str) -> list[tuple[int, str, int]]:
    kept = ((10, SIGHTINGS), (60, MINUTES), (3_600, HOURS), (86_400, DAYS))
    return [(seconds, at.replace("{seconds}", str(seconds)), count - 1) for seconds, count in kept]


def _populate(home: Path, url: str) -> None:
    _butt(home, url, "manage", "migrate", "-v0")
    script = (
        "from tests.people import *; from butt.identity import service_keys; service_keys(); "
        f"many_bots(person('alice'), {BOTS})"
    )
    _butt(home, url, "manage", "shell", "-v0", "-c", script)


def _database(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _butt(home: Path, url: str, command: str, *rest: object) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment["BUTT_DATABASE_URL"] = url
    command_line = [sys.executable, "-m", "butt", command, "--home", str(home), *map(str, rest)]
    subprocess.run(command_line, env=environment, check=True)


def _run(*command: object) -> None:
    subprocess.run([*map(str, command)], check=True)


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    took = time.monotonic() - began
    print(f"{took:.1f} s")
    return took


if __name__ == "__main__":
    main()
