"""Rows as text: rows of either database arrive unchanged in the other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.backups.tables import ColumnKind, Table, tables

TABLE = Table(
    "kept",
    {
        "words": ColumnKind.TEXT,
        "number": ColumnKind.NUMBER,
        "truth": ColumnKind.TRUTH,
        "at": ColumnKind.MOMENT,
        "id": ColumnKind.ID,
        "seed": ColumnKind.BYTES,
    },
)
ON_SQLITE = "CREATE TABLE kept (words text, number bigint, truth bool, at datetime, id char(32), seed blob)"
ON_POSTGRES = (
    "CREATE TEMPORARY TABLE kept (words text, number bigint, truth bool, at timestamptz, id uuid, seed bytea)"
)

# PostgreSQL keeps no zero characters, and Django lets none in.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    [r"\N", "\\", "\\.", "a\tb\n\r"]
)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1)).map(str)  # noqa: DTZ001 - as SQLite keeps them
ROW = st.tuples(
    st.none() | WORDS,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(0, 1),
    st.none() | MOMENTS,
    st.none() | st.uuids().map(lambda one: one.hex),
    st.none() | st.binary(),
)


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(ON_POSTGRES)
        yield connection


@given(rows=st.lists(ROW, max_size=5))
def test_rows_are_the_same_in_both_databases(postgres: "psycopg.Connection[Any]", rows: list[Any]):
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(ON_SQLITE)
        database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)", rows)
        lines = [line + "\n" for (line,) in database.execute(TABLE.lines_of_sqlite)]
        assert _kept(database, lines) == rows
    postgres.execute("TRUNCATE kept")
    with postgres.cursor() as cursor, cursor.copy("COPY kept FROM STDIN") as copy:
        copy.write("".join(lines))
    with postgres.cursor() as cursor, cursor.copy("COPY kept TO STDOUT") as copy:
        written = b"".join(map(bytes, copy)).decode()
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(ON_SQLITE)
        assert _kept(database, _lines(written)) == rows


@pytest.mark.parametrize(
    "line", ["\n", "a\tb\n", "a\t1\tx\t\\N\t\\N\t\\N\n", "a\t1\tt\t2026-01-01 00:00:00+02\t\\N\t\\N\n"]
)
def test_a_line_that_is_not_a_row_is_refused(line: str):
    with pytest.raises((ValueError, KeyError)):
        list(TABLE.rows_for_sqlite([line]))


def test_each_table_and_column_of_ours_is_saved():
    saved = {table.name: table.columns.keys() for table in tables()}
    assert {"memory_sum", "bot_id", "at"} <= saved["figures_sample"]
    assert {"auth_group_permissions", "invites_invite", "agents_agent"} <= saved.keys()
    assert not {"django_session", "django_content_type", "auth_permission"} & saved.keys()


def _lines(text: str) -> list[str]:
    """Only a newline ends a row; Python knows other line ends too."""
    return [line + "\n" for line in text.split("\n")[:-1]]


def _kept(database: sqlite3.Connection, lines: list[str]) -> list[Any]:
    database.execute("DELETE FROM kept")
    database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)", TABLE.rows_for_sqlite(lines))
    return list(database.execute("SELECT * FROM kept"))
