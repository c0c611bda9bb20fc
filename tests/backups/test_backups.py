"""Backing up and restoring the service: on both databases, between them, and beside bots that went on."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from butt.backups import BackupTrouble
from butt.backups.restoring import _refuse_what_is_not_empty
from butt.backups.tables import tables
from butt.beats.models import Beat
from tests.exports.living import master_of, publish, waits_for_its_profile
from tests.people import PASSWORD
from tests.pub.pubs import is_root
from tests.pub.test_ends import disk, fill
from tests.service import Service
from tests.tables import TABLES, migrated, with_tables


class MakeDatabase(Protocol):
    def __call__(self, kind: str, *, empty: bool = False) -> str: ...


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> MakeDatabase:
    """A new database of that kind, with tables unless it shall be empty; its address."""

    def make(kind: str, *, empty: bool = False) -> str:
        name = f"{kind}{os.urandom(4).hex()}"
        if kind == "sqlite":
            if not empty:
                shutil.copyfile(migrated(), tmp_path / name)
            return f"sqlite:///{tmp_path / name}"
        copied = "" if empty else f" TEMPLATE {TABLES}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{copied}")  # type: ignore[call-overload]
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    return make


def butt(home: Path, database_url: str, *command: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment["BUTT_DATABASE_URL"] = database_url
    name, *rest = map(str, command)
    return subprocess.run(
        [sys.executable, "-m", "butt", name, "--home", str(home), *rest],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# A database is migrated step by step, and two services start, which takes long on a busy machine.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_restored_service_goes_on_with_its_bot(
    kind: str, database: MakeDatabase, tmp_path: Path, built_pub: Path
):
    """The bot publishes after the backup was made, so the restored database knows less than the bot's own
    folder.
    """
    saved = tmp_path / "saved.zip"
    # One service makes its tables in PostgreSQL by itself, and one backup brings them.
    old_url = database(kind, empty=kind == "postgres")
    new_url = database(kind, empty=kind == "sqlite")
    with Service(tmp_path / "old", built_pub, database_url=old_url) as site:
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        before = alice.waits_for("alive", bot)
        waits_for_its_profile(site, before)
        _speak(site, before, 2)
        done = butt(site.home, old_url, "backup", saved)
        assert done.returncode == 0, done.stderr
        _speak(site, before, 3)
        site.down()
        (tmp_path / "new").mkdir()
        (site.home / "bots").rename(tmp_path / "new" / "bots")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600

    done = butt(tmp_path / "new", new_url, "restore", saved)
    assert done.returncode == 0, done.stderr
    with Service(tmp_path / "new", built_pub, database_url=new_url) as site:
        body = {"email": "alice@example.org", "password": PASSWORD}
        token = site.call("POST", "/authentication/sign-in", body)["accessToken"]
        alice.site, alice.token = site, token
        after = alice.waits_for("alive", bot)
        assert after["ssbId"] == before["ssbId"]
        assert _speak(site, after, 1) == 7
        assert alice.names_a_bot("another")["id"], "new rows get numbers that are free"


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_backup_of_one_database_can_be_restored_into_the_other(
    source: str, target: str, database: MakeDatabase, tmp_path: Path
):
    first, second = database(source), database(target, empty=True)
    _populate(tmp_path / "first", first)
    assert butt(tmp_path / "first", first, "backup", tmp_path / "1.zip").returncode == 0
    done = butt(tmp_path / "second", second, "restore", tmp_path / "1.zip")
    assert done.returncode == 0, done.stderr
    first_rows, second_rows = (
        _rows(tmp_path / name, url) for name, url in (("first", first), ("second", second))
    )
    assert {row["fields"]["alive"] for row in second_rows if row["model"] == "agents.observed"} == {False}
    (waits,) = [row for row in second_rows if row["model"] == "machines.unconfirmed"]
    (placed,) = [row for row in second_rows if row["model"] == "machines.placement"]
    assert waits["pk"] == placed["pk"], "it may have been moved since"
    assert "Bots that wait: 1." in done.stdout
    first_rows, second_rows = _comparable(first_rows), _comparable(second_rows)
    assert second_rows == first_rows
    if target == "sqlite":
        assert _indexes(Path(second.removeprefix("sqlite:///"))) == _indexes(migrated())
    for name in ("identity", "secret-key"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with two people, in `home`, and `saved.zip`, a backup of it."""
    kept = tmp_path_factory.mktemp("kept")
    _populate(with_tables(kept / "home"), "")
    assert butt(kept / "home", "", "backup", kept / "saved.zip").returncode == 0
    return kept


@pytest.fixture
def saved(kept: Path, tmp_path: Path) -> Path:
    """That backup, beside that service in `home`: both are copies that a test may change."""
    shutil.copytree(kept / "home", tmp_path / "home")
    return Path(shutil.copy(kept / "saved.zip", tmp_path))


def test_a_service_with_people_is_not_restored_over(saved: Path, tmp_path: Path):
    done = butt(tmp_path / "home", "", "restore", saved)
    assert done.returncode == 1
    assert "empty database" in done.stderr


@pytest.mark.django_db
def test_a_service_that_runs_is_left_alone():
    """The parts that run have loaded the service's identity, and would continue with rows that no longer exist."""
    Beat.objects.create(part="steward", release="1")
    with pytest.raises(BackupTrouble, match="These parts of the service run: steward"):
        _refuse_what_is_not_empty()


def test_another_identity_is_not_overwritten(saved: Path, tmp_path: Path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "identity").write_text("another")
    done = butt(tmp_path / "new", "", "restore", saved)
    assert done.returncode == 1
    assert "Move it away" in done.stderr
    assert (tmp_path / "new" / "identity").read_text() == "another"


def test_a_backup_is_not_overwritten(saved: Path, tmp_path: Path):
    before = saved.read_bytes()
    done = butt(tmp_path / "home", "", "backup", saved)
    assert (done.returncode, "another name" in done.stderr) == (1, True)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("part", ["no zip", "cut", "row", "count", "orphan", "newer"])
def test_an_incomplete_backup_changes_nothing(saved: Path, tmp_path: Path, part: str):
    wrong = tmp_path / "wrong.zip"
    if part == "no zip":
        wrong.write_bytes(b"nonsense")
    elif part == "cut":
        wrong.write_bytes(saved.read_bytes()[:-200])
    else:
        _rewritten(saved, wrong, part)
    if part != "row":  # It is found last, and is in a home folder that was empty.
        with_tables(tmp_path / "new")
    done = butt(tmp_path / "new", "", "restore", wrong)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert butt(tmp_path / "new", "", "restore", saved).returncode == 0, "nothing of the wrong one is left"


@pytest.mark.skipif(not is_root(), reason="only root can mount a disk")
def test_a_full_disk_is_reported_and_leaves_no_file(saved: Path, tmp_path: Path):
    small = tmp_path / "small"
    with disk(small, "64k"):
        fill(small / "filler")
        done = butt(tmp_path / "home", "", "backup", small / "full.zip")
        assert done.returncode == 1
        assert "cannot be written: No space left" in done.stderr
        assert [path.name for path in small.iterdir()] == ["filler"]
        (small / "filler").unlink()
        assert butt(tmp_path / "home", "", "backup", small / "full.zip").returncode == 0


def test_a_new_database_gets_its_tables_from_the_backup(saved: Path, tmp_path: Path):
    done = butt(tmp_path / "new", "", "restore", saved)
    assert done.returncode == 0, done.stderr
    assert butt(tmp_path / "new", "", "manage", "migrate", "--check").returncode == 0
    assert _comparable(_rows(tmp_path / "new", "")) == _comparable(_rows(tmp_path / "home", ""))


def _speak(site: Service, seen: object, count: int) -> int:
    """Publish this many more messages; returns the latest sequence."""

    async def call() -> int:
        async with master_of(site, seen) as peer:
            await publish(peer, count, at_once=1)
            return int((await peer.call("getLatest", peer.id))["value"]["sequence"])

    return asyncio.run(call())


def _populate(home: Path, database_url: str) -> None:
    script = (
        "from tests.people import *; from butt.identity import service_keys; service_keys(); "
        "from butt.configuration import configuration; configuration().make_secrets(); "
        "from tests.machines.machines import machine, place; "
        "person('alice'); many_bots(person('bob'), 30); place(Agent.objects.filter(type='bot')[0], machine('m1'))"
    )
    done = butt(home, database_url, "manage", "shell", "-c", script)
    assert done.returncode == 0, done.stderr


def _dumped(home: Path, database_url: str) -> str:
    """All rows as Django writes them, one per line. What a backup leaves out is compared separately."""
    left_out = ("contenttypes", "auth.permission", "sessions")
    done = butt(
        *(home, database_url, "manage", "dumpdata", "--format=jsonl"),
        *(f"--exclude={name}" for name in left_out),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _indexes(database: Path) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return sorted(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        )


def _rows(home: Path, database_url: str) -> list[Any]:
    return sorted(
        map(json.loads, _dumped(home, database_url).splitlines()), key=lambda row: json.dumps(row["pk"])
    )


def _comparable(rows: list[Any]) -> list[Any]:
    """Everything except what a restore changes."""
    changed = {"agents.observed": "alive", "machines.machine": "generation"}
    for row in rows:
        row["fields"].pop(changed.get(row["model"], ""), None)
    return [row for row in rows if row["model"] != "machines.unconfirmed"]


def _rewritten(saved: Path, wrong: Path, part: str) -> None:
    if part == "row":
        _as_rows(saved, saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(wrong, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            about = json.loads(content) if name == "backup.json" else {}
            if name == "rows/agents_observed" and part == "row":
                content = content.replace(b"\t", b"\t\t", 1)
            if name == "butt.sqlite3" and part == "orphan":
                content = _without_its_people(content, wrong.with_suffix(".sqlite3"))
            if about and part == "count":
                about["tables"]["agents_observed"]["rows"] += 1
            if about and part == "newer":
                about["schema"].append("agents.9999_later")
            new.writestr(name, json.dumps(about) if about else content)


def _without_its_people(content: bytes, place: Path) -> bytes:
    place.write_bytes(content)
    with closing(sqlite3.connect(place)) as database:
        database.execute("UPDATE agents_belongs SET target_agent_id = 'nobody' || rowid")
        database.commit()
    return place.read_bytes()


def _as_rows(saved: Path, target: Path) -> None:
    """The same backup in the format of PostgreSQL, and in the one that SQLite had in an earlier version."""
    with zipfile.ZipFile(saved) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    place = target.with_suffix(".sqlite3")
    place.write_bytes(parts.pop("butt.sqlite3"))
    parts["backup.json"] = json.dumps({**json.loads(parts["backup.json"]), "format": 2}).encode()
    with closing(sqlite3.connect(place)) as database:
        for table in tables():
            lines = (f"{line}\n" for (line,) in database.execute(table.lines_of_sqlite))
            parts[f"rows/{table.name}"] = "".join(lines).encode()
    with zipfile.ZipFile(target, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
