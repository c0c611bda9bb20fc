"""The database's tables: made from a snapshot where there are none, migrated where migrations are missing.

Fifty migrations take seconds. What they give in a new SQLite database is in `butt/resources/schema.sql`, written by
`scripts/schema.py`; a test compares the two.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from butt import resources

DRAFT = ".draft"
_APPLIED = re.compile(r"""^(INSERT INTO "django_migrations" VALUES\(\d+,'\w+','\w+',)'[^']*'\);$""")
_MIGRATION = re.compile(r"""^INSERT INTO "django_migrations" VALUES\(\d+,'(\w+)','(\w+)',""", re.MULTILINE)


def bring_up_to_date() -> None:
    """Give the database all tables that this code needs. Does nothing if it has them."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    wanted = migrations_of_code()
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        # A snapshot that lacks migrations is of other code. It may have more: those that a squashed one replaces.
        if not path.exists() and migrations_in(snapshot := resources.SCHEMA.read_text()) >= wanted:
            create(path, snapshot)
            return
    if not wanted <= set(MigrationRecorder(connection).applied_migrations()):
        call_command("migrate", verbosity=0, interactive=False)


def migrations_of_code() -> set[tuple[str, str]]:
    """App and name of each migration that the installed apps have."""
    from django.apps import apps

    return {
        (app.label, file.stem)
        for app in apps.get_app_configs()
        for file in (Path(app.path) / "migrations").glob("[!_]*.py")
    }


def migrations_in(snapshot: str) -> set[tuple[str, str]]:
    """App and name of each migration that a database made from this snapshot counts as applied."""
    return set(_MIGRATION.findall(snapshot))


def create(path: Path, snapshot: str) -> None:
    """Make the database at `path`, whole or not at all."""
    draft = path.with_name(path.name + DRAFT)
    draft.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(draft)) as database:
        # A draft may be lost; the file is whole once it is closed.
        database.executescript(f"PRAGMA synchronous=OFF;\n{snapshot}")
        database.execute("PRAGMA journal_mode=WAL")
    draft.rename(path)


def dump(path: Path) -> str:
    """The SQL that makes the migrated SQLite database at `path` anew, except for when each migration was applied."""
    with closing(sqlite3.connect(path)) as database:
        lines = [_APPLIED.sub(r"\1CURRENT_TIMESTAMP);", line) for line in database.iterdump()]
    return "\n".join([*lines, ""])
