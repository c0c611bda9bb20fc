"""`butt up` makes a new database from a snapshot, and migrates one in which something is missing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from butt import resources
from butt.command import schema

SNAPSHOT = resources.SCHEMA.read_text()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the database of this test is: nothing is there yet."""
    place = tmp_path / "butt.sqlite3"
    monkeypatch.setitem(connection.settings_dict, "NAME", str(place))
    yield place
    assert not list(tmp_path.glob("*.draft"))


@pytest.fixture
def migrating(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of Django that were called."""
    called: list[str] = []
    monkeypatch.setattr("django.core.management.call_command", lambda name, **_: called.append(name))
    return called


@pytest.mark.django_db
def test_a_new_database_has_all_tables_and_needs_no_migrating(path: Path, migrating: list[str]):
    schema.bring_up_to_date()
    assert (schema.dump(path), migrating) == (SNAPSHOT, [])


def test_a_database_that_lost_a_draft_is_made_whole(path: Path):
    draft = path.with_name("butt.sqlite3.draft")
    draft.write_bytes(b"half of one")
    schema.create(path, SNAPSHOT)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.django_db
def test_a_snapshot_of_other_migrations_is_not_used(
    path: Path, migrating: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema, "migrations_of_code", lambda: {("agents", "0999_to_come")})
    schema.bring_up_to_date()
    assert (path.exists(), migrating) == (False, ["migrate"])
