r"""Rows as text, the same from both databases and for both: the lines that PostgreSQL's COPY writes and reads.

A line is a row, its fields are parted by tabs, and `\N` is null. Backslash, tab, newline and carriage return are escaped
as COPY does it. Moments are in UTC. PostgreSQL reads and writes this itself; for SQLite it is made in SQL, and only read here.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from django.apps import apps

FLEETING = ("sessions.session", "beats.beat")
"""Left out of every backup: people sign in again, and parts beat again."""

REMADE = frozenset({"contenttypes.contenttype", "auth.permission", *FLEETING})
"""Left out if rows are written one by one. Django makes the first two by itself, with its own ids."""

NULL = r"\N"
_ESCAPED = {r"\\": "\\", r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\b": "\b", r"\f": "\f", r"\v": "\v"}
_ESCAPE = re.compile(r"\\.")
_HEX = r"\\x"
"""How COPY begins a string of bytes: the backslash of `\\x` is escaped itself."""

_SECONDS, _MICROSECONDS = 19, 26
"""The length of a moment as text, without and with a fraction."""


class ColumnKind(Enum):
    """How a column's values look in either database."""

    TEXT = auto()
    NUMBER = auto()
    TRUTH = auto()
    MOMENT = auto()
    ID = auto()
    BYTES = auto()


KINDS = {
    **dict.fromkeys(("CharField", "TextField", "JSONField", "GenericIPAddressField"), ColumnKind.TEXT),
    **dict.fromkeys(
        ("AutoField", "BigAutoField", "BigIntegerField", "IntegerField", "DateField"), ColumnKind.NUMBER
    ),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "DecimalField"), ColumnKind.NUMBER),
    **dict.fromkeys(("PositiveSmallIntegerField", "SmallIntegerField"), ColumnKind.NUMBER),
    "BooleanField": ColumnKind.TRUTH,
    "DateTimeField": ColumnKind.MOMENT,
    "UUIDField": ColumnKind.ID,
    "BinaryField": ColumnKind.BYTES,
}
"""By Django's names for fields. A date is the same text in both databases, and so is a number."""


@dataclass(frozen=True)
class Table:
    """A table and its columns, in one order for writing and reading."""

    name: str
    columns: dict[str, ColumnKind]

    @property
    def listed(self) -> str:
        """Its columns, as SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def lines_of_sqlite(self) -> str:
        """SQLite's SQL that selects each row as one line, without a line end."""
        fields = (_of_sqlite(f'"{column}"', kind) for column, kind in self.columns.items())
        return f'SELECT {" || char(9) || ".join(fields)} FROM "{self.name}"'  # noqa: S608 # nosec B608 # names of our own models

    def rows_for_sqlite(self, lines: Iterable[str]) -> Iterator[list[str | int | bytes | None]]:
        """Rows as SQLite keeps them; numbers stay text, which SQLite converts. Raises `ValueError`."""
        width = len(self.columns)
        kinds = enumerate(self.columns.values())
        readings = [(place, _READINGS[kind]) for place, kind in kinds if kind in _READINGS]
        for line in lines:
            fields: list[Any] = line.removesuffix("\n").split("\t")
            if NULL in line:
                # Checked before unescaping, to tell null from text that only looks like it.
                fields = [None if field == NULL else field for field in fields]
            if len(fields) != width:
                raise ValueError(f"a row of {self.name} has {len(fields)} fields and should have {width}")
            for place, reading in readings:
                if fields[place] is not None:
                    fields[place] = reading(fields[place])
            yield fields


def tables() -> list[Table]:
    """Everything that is saved. Raises `KeyError` for a kind of field that has no text form here yet."""
    found = (
        model._meta  # noqa: SLF001 - Django's own way to look at a model
        for model in apps.get_models(include_auto_created=True)
    )
    return [
        Table(meta.db_table, {str(field.column): _kind(field) for field in meta.local_concrete_fields})
        for meta in found
        if meta.managed and not meta.proxy and meta.label_lower not in REMADE
    ]


def names_of_fleeting() -> list[str]:
    """The tables whose rows are in no backup."""
    return [apps.get_model(label)._meta.db_table for label in FLEETING]  # noqa: SLF001 - as above


def _kind(field: Any) -> ColumnKind:
    while field.is_relation:
        field = field.target_field
    return KINDS[field.get_internal_type()]


def _of_sqlite(column: str, kind: ColumnKind) -> str:
    match kind:
        case ColumnKind.TEXT:
            escaped = column
            for found, written in (
                ("'\\'", "'\\\\'"),
                ("char(9)", "'\\t'"),
                ("char(10)", "'\\n'"),
                ("char(13)", "'\\r'"),
            ):
                escaped = f"replace({escaped}, {found}, {written})"
            return f"coalesce({escaped}, '{NULL}')"
        case ColumnKind.MOMENT:
            return f"coalesce({column} || '+00', '{NULL}')"
        case ColumnKind.BYTES:
            # hex() of null is an empty string.
            return f"CASE WHEN {column} IS NULL THEN '{NULL}' ELSE '{_HEX}' || lower(hex({column})) END"
        case _:
            return f"coalesce({column}, '{NULL}')"


def _text(field: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[0], found[0][1]), field) if "\\" in field else field


def _moment(field: str) -> str:
    """As Django writes it: a fraction has all its digits or is absent."""
    if not field.endswith("+00"):
        raise ValueError(f"the moment {field} is not in UTC")
    moment = field.removesuffix("+00")
    return moment if len(moment) == _SECONDS else moment.ljust(_MICROSECONDS, "0")


def _truth(field: str) -> int:
    return {"t": 1, "1": 1, "f": 0, "0": 0}[field]


def _id(field: str) -> str:
    return field.replace("-", "")


def _bytes(field: str) -> bytes:
    if not field.startswith(_HEX):
        raise ValueError("bytes are not written as hexadecimal digits")
    return bytes.fromhex(field.removeprefix(_HEX))


_READINGS: dict[ColumnKind, Callable[[str], str | int | bytes]] = {
    ColumnKind.TEXT: _text,
    ColumnKind.TRUTH: _truth,
    ColumnKind.MOMENT: _moment,
    ColumnKind.ID: _id,
    ColumnKind.BYTES: _bytes,
}
