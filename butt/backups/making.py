"""Making a backup while the service runs: all rows as of one moment, of SQLite and PostgreSQL alike."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from django.apps import apps
from django.core import serializers
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.utils import timezone

from butt.backups import ABOUT, FORMAT, ROWS, SECRETS, BackupTrouble
from scuttlekit.files import whole_file

SNAPSHOT = "snapshot"
REMADE = frozenset({"contenttypes.contenttype", "auth.permission", "sessions.session"})
"""Django makes the first two by itself, with numbers of their own; who had signed in signs in again."""

AT_ONCE = 500


def make_backup(home: Path, place: Path) -> int:
    """Write a backup to `place`, whole or not at all; how many rows it has. Raises `BackupTrouble`."""
    if place.exists():
        raise BackupTrouble(f"{place} is there already: give another name.")
    try:
        with whole_file(place, lasting=True) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
            count = _write_rows(archive)
            for name in SECRETS:
                if (home / name).exists():
                    archive.write(home / name, name)
            about = {
                "format": FORMAT,
                "madeAt": timezone.now().isoformat(),
                "rows": count,
                "schema": schema(),
            }
            archive.writestr(ABOUT, json.dumps(about, indent=1))
    except OSError as error:
        raise BackupTrouble(
            f"The backup cannot be written: {error.strerror}. Nothing is left of it."
        ) from error
    return count


def saved_models() -> list[type[models.Model]]:
    """Everything that has rows of its own, in an order in which each can be loaded after those it leans on."""
    everything = [(config, None) for config in apps.get_app_configs()]
    return [
        model
        for model in serializers.sort_dependencies(everything, allow_cycles=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label_lower not in REMADE  # noqa: SLF001
    ]


def schema() -> list[str]:
    """The migrations that the database has seen."""
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder(connections[DEFAULT_DB_ALIAS]).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def _write_rows(archive: ZipFile) -> int:
    count = 0
    with _snapshot(), archive.open(ROWS, "w", force_zip64=True) as raw:
        text = io.TextIOWrapper(raw, "utf-8", write_through=True)
        for model in saved_models():
            rows = model._base_manager.using(SNAPSHOT).order_by("pk")  # noqa: SLF001
            serializers.serialize("jsonl", rows.iterator(AT_ONCE), stream=text)
            count += rows.count()
        text.detach()
    return count


@contextmanager
def _snapshot() -> Iterator[None]:
    """A connection of its own that sees one moment, and keeps nobody from writing."""
    settings = dict(connections.databases[DEFAULT_DB_ALIAS])
    options = dict(settings.get("OPTIONS", {}))
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
        options["transaction_mode"] = "DEFERRED"
    else:
        from psycopg import IsolationLevel

        options["isolation_level"] = IsolationLevel.REPEATABLE_READ
    connections.databases[SNAPSHOT] = {**settings, "OPTIONS": options}
    try:
        with transaction.atomic(using=SNAPSHOT):
            yield
    finally:
        connections[SNAPSHOT].close()
        del connections[SNAPSHOT]
        del connections.databases[SNAPSHOT]
