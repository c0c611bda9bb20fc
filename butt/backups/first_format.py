"""Backups as earlier versions made them: every row as a line of JSON, loaded one by one."""

import io
import re
from collections.abc import Iterable, Iterator
from zipfile import ZipFile

from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.db import connection

from butt.backups import BackupTrouble

FIRST_FORMAT = 1
ROWS = "rows.jsonl"
RENAMED = {
    "accounts.look": "accounts.impersonation",
    "clouds.wanted": "clouds.wantedmachine",
    "figures.monitor": "figures.monitorbeat",
    "machines.errand": "machines.machinejob",
    "machines.tail": "machines.logtail",
}
"""Models that had another name when such backups were made."""

_MODEL = re.compile(r'^\{"model": "([a-z.]+)"')


def load_first_format(archive: ZipFile, expected: int) -> int:
    """The number of rows it has. Raises `BackupTrouble`."""
    count = 0
    loaded = set()
    try:
        with archive.open(ROWS) as raw:
            lines = _with_current_names(io.TextIOWrapper(raw, "utf-8"))
            for row in serializers.deserialize("jsonl", lines):
                row.save(force_insert=True)
                loaded.add(type(row.object))
                count += 1
    except DeserializationError as error:
        raise BackupTrouble(
            f"A row of this backup cannot be restored: {error}. Nothing was changed."
        ) from error
    if count != expected:
        raise BackupTrouble(f"This backup has {count} rows and should have {expected}.")
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(loaded)):
            cursor.execute(statement)
    return count


def _with_current_names(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield _MODEL.sub(lambda model: f'{{"model": "{RENAMED.get(model[1], model[1])}"', line)
