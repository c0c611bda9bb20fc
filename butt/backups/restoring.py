"""Restoring a backup into a service that has no accounts yet. The bots' folders may exist: their own safeguards apply."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from butt.agents.models import Agent, Observed
from butt.backups import ABOUT, FILE, IDENTITY, OF_A_FILE, OF_ROWS, ROWS, SECRETS, BackupTrouble
from butt.backups.image import IMAGE, counts_of_image, lines_of_image, opened, put_in_place
from butt.backups.making import newest_schema, schema
from butt.backups.rows import check_tables, checked_count, load_tables
from butt.backups.tables import Table, tables
from butt.beats.living import DEAD, living
from butt.configuration import configuration
from butt.machines.unconfirmed import hold_all
from scuttlekit.files import write_whole

LONGEST_SECRET = 64 * 1024
BLOCK = 1 << 20


def restore_backup(home: Path, place: Path) -> int:
    """Restore a backup, whole or not at all; returns how many rows it has. The database gets its tables if it has none.
    Raises `BackupTrouble`.
    """
    try:
        with ZipFile(place) as archive:
            about: dict[str, Any] = json.loads(_small(archive, ABOUT))
            brings_tables = _brings_tables(about)
            if not brings_tables:
                call_command("migrate", verbosity=0, interactive=False)
            _check(archive, about, set(about["schema"] if brings_tables else schema()))
            secrets = {name: _small(archive, name) for name in SECRETS if name in archive.namelist()}
            if not brings_tables:
                _refuse_what_is_not_empty()
            _refuse_another_identity(home, secrets)
            with _unpacked(archive, about, home):
                for name, content in secrets.items():
                    write_whole(home / name, content, lasting=True)
                count = _load(archive, about)
    except (OSError, BadZipFile, KeyError, ValueError, EOFError) as error:
        raise BackupTrouble(f"{place} cannot be read as a backup: {error}") from error
    return count


def _brings_tables(about: dict[str, Any]) -> bool:
    """Whether the database has no tables yet and the backup has them all, as this version makes them. Making them first, to
    replace them, would take a third of the time.
    """
    return (
        about["format"] == OF_A_FILE
        and connection.vendor == "sqlite"
        and not connection.introspection.table_names()
        and about["schema"] == newest_schema()
    )


def _check(archive: ZipFile, about: dict[str, Any], here: set[str]) -> None:
    """`here` is the schema that the backup must have. Raises `BackupTrouble`."""
    if about["format"] not in {OF_ROWS, OF_A_FILE}:
        raise BackupTrouble(
            "This backup was made by another version of the service. Restore it with that version."
        )
    made_with = set(about["schema"])
    if here != made_with:
        other = "older" if made_with < here else "newer" if here < made_with else "different"
        raise BackupTrouble(
            f"This backup was made by a version whose tables are {other}: restore it with that version, then upgrade."
        )
    # Unpacking a file checks it as well.
    if about["format"] != OF_A_FILE and (damaged := archive.testzip()):
        raise BackupTrouble(f"This backup is damaged, in its part {damaged}.")


def _refuse_what_is_not_empty() -> None:
    if Agent.objects.exists():
        raise BackupTrouble("This service already has people and bots. Restore into an empty database.")
    if parts := living():
        raise BackupTrouble(
            f"These parts of the service run: {', '.join(sorted(parts))}. Stop them, wait {DEAD.seconds} seconds, and try again."
        )


def _refuse_another_identity(home: Path, secrets: dict[str, bytes]) -> None:
    """The other secrets are made again at any start; this one makes its owner the master of bots."""
    with suppress(FileNotFoundError):
        if (home / IDENTITY).read_bytes() != secrets.get(IDENTITY):
            raise BackupTrouble(
                f"{home / IDENTITY} already exists and is not the backup's. Move it away, or choose another --home."
            )


@contextmanager
def _unpacked(archive: ZipFile, about: dict[str, Any], home: Path) -> Iterator[None]:
    """The file of a backup that has one, opened as the database `IMAGE`."""
    if about["format"] != OF_A_FILE:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="restore-", dir=home) as folder:
        place = Path(folder) / FILE
        with archive.open(FILE) as part, place.open("wb") as file:
            shutil.copyfileobj(part, file, BLOCK)
        with opened(place):
            yield


def _load(archive: ZipFile, about: dict[str, Any]) -> int:
    """Load all rows in one transaction; returns how many there are."""
    try:
        if about["format"] == OF_A_FILE and connection.vendor == "sqlite":
            return _load_file(about["tables"])
        with _keys_checked_afterwards(), transaction.atomic(), connection.wrap_database_errors:
            if about["format"] == OF_ROWS:
                count = load_tables(about["tables"], lambda table: _blocks(archive, table))
            else:
                count = load_tables(about["tables"], lines_of_image)
            _settle(connection)
    except (DatabaseError, sqlite3.Error) as error:
        raise BackupTrouble(
            f"A row of this backup cannot be restored: {error}. Nothing was changed."
        ) from error
    return count


def _load_file(written: dict[str, Any]) -> int:
    ours = tables()
    check_tables(ours, written)
    total = sum(checked_count(name, count, written) for name, count in counts_of_image(ours).items())
    with transaction.atomic(using=IMAGE):
        _settle(connections[IMAGE])
    try:
        put_in_place()
    except DatabaseError as error:
        raise BackupTrouble(
            f"The database cannot be written: {error}. Stop every program that has it open, and try again."
        ) from error
    return total


def _settle(database: BaseDatabaseWrapper) -> None:
    """Correct what is no longer true when rows come back."""
    # That the bots answered then says nothing about now.
    Observed.objects.using(database.alias).update(alive=False)
    hold_all(configuration().home, database.alias)
    database.check_constraints()


@contextmanager
def _keys_checked_afterwards() -> Iterator[None]:
    """Otherwise SQLite checks foreign keys row by row, which takes a third of the time."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.constraint_checks_disabled():
        yield


def _blocks(archive: ZipFile, table: Table) -> Iterator[bytes]:
    with archive.open(f"{ROWS}/{table.name}") as part:
        while block := part.read(BLOCK):
            yield block


def _small(archive: ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LONGEST_SECRET and name != ABOUT:
        raise BackupTrouble(f"The {name} in this backup is too large to be valid.")
    return archive.read(name)
