"""Restoring a backup into a service that knows nobody yet. The bots' folders may be there: their own guards hold."""

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, connection, transaction

from butt.agents.models import Agent, Observed
from butt.backups import ABOUT, FORMAT, IDENTITY, ROWS, SECRETS, BackupTrouble
from butt.backups.making import saved_models, schema
from scuttlekit.files import write_whole

LONGEST_SECRET = 64 * 1024


def restore_backup(home: Path, place: Path) -> int:
    """Bring a backup back, whole or not at all; how many rows it has. Raises `BackupTrouble`."""
    try:
        with ZipFile(place) as archive:
            about = _checked(archive)
            secrets = {name: _small(archive, name) for name in SECRETS if name in archive.namelist()}
            _refuse_what_is_not_empty(home, secrets)
            for name, content in secrets.items():
                write_whole(home / name, content, lasting=True)
            _load(archive, about["rows"])
    except (OSError, BadZipFile, KeyError, ValueError, EOFError) as error:
        raise BackupTrouble(f"{place} is no backup that can be read: {error}") from error
    return int(about["rows"])


def _checked(archive: ZipFile) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_small(archive, ABOUT))
    if about["format"] != FORMAT:
        raise BackupTrouble(
            "This backup was made by another version of the service: restore it with that one."
        )
    here, there = set(schema()), set(about["schema"])
    if here != there:
        other = "older" if there < here else "newer" if here < there else "different"
        raise BackupTrouble(
            f"This backup was made by a version whose tables are {other}: restore it with that version, then upgrade."
        )
    if damaged := archive.testzip():
        raise BackupTrouble(f"This backup is damaged, in its part {damaged}.")
    return about


def _refuse_what_is_not_empty(home: Path, secrets: dict[str, bytes]) -> None:
    if Agent.objects.exists():
        raise BackupTrouble("This service has people and bots already: restore into an empty database.")
    # The other two are made anew at any start; this one makes its owner the master of bots.
    with suppress(FileNotFoundError):
        if (home / IDENTITY).read_bytes() != secrets.get(IDENTITY):
            raise BackupTrouble(
                f"{home / IDENTITY} is there and is another than the backup's: move it away, or give another --home."
            )


def _load(archive: ZipFile, expected: int) -> None:
    count = 0
    try:
        with archive.open(ROWS) as raw, transaction.atomic():
            for row in serializers.deserialize("jsonl", io.TextIOWrapper(raw, "utf-8")):
                row.save(force_insert=True)
                count += 1
            if count != expected:
                raise BackupTrouble(f"This backup has {count} rows and should have {expected}.")
            # That they answered then says nothing of now.
            Observed.objects.update(alive=False)
    except (DeserializationError, DatabaseError) as error:
        raise BackupTrouble(
            f"A row of this backup cannot be restored: {error}. Nothing was changed."
        ) from error
    statements = connection.ops.sequence_reset_sql(no_style(), saved_models())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _small(archive: ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LONGEST_SECRET and name != ABOUT:
        raise BackupTrouble(f"This backup's {name} is larger than any.")
    return archive.read(name)
