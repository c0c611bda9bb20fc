"""A kept connection to PostgreSQL: what it is asked, and what happens when the server ends it."""

from collections.abc import Iterator
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.db import ConnectionHandler

from butt.postgresql.base import DatabaseWrapper

NEVER = 2**31


@pytest.fixture
def connection(postgres_url: str, django_db_blocker: Any) -> Iterator[DatabaseWrapper]:
    """As the settings make it."""
    parsed = dj_database_url.parse(
        postgres_url, engine="butt.postgresql", conn_max_age=60, conn_health_checks=True
    )
    made = ConnectionHandler({"default": {**parsed, "OPTIONS": {"prepare_threshold": NEVER}}})["default"]
    with django_db_blocker.unblock():
        yield made
        made.close()


def value(connection: DatabaseWrapper, sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def next_request(connection: DatabaseWrapper) -> None:
    connection.close_if_unusable_or_obsolete()


def test_no_query_is_sent_to_find_out_whether_it_still_works(
    connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
):
    process = value(connection, "SELECT pg_backend_pid()")
    sent = []
    execute = psycopg.Cursor.execute
    monkeypatch.setattr(
        psycopg.Cursor, "execute", lambda self, sql, *a, **k: sent.append(sql) or execute(self, sql, *a, **k)
    )
    next_request(connection)
    assert value(connection, "SELECT pg_backend_pid()") == process
    assert sent == ["SELECT pg_backend_pid()"]


def test_one_that_the_server_ended_is_replaced_before_the_next_query(
    connection: DatabaseWrapper, postgres_url: str
):
    process = value(connection, "SELECT pg_backend_pid()")
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [process])
    next_request(connection)
    assert value(connection, "SELECT pg_backend_pid()") != process


def test_one_with_an_unread_notice_is_kept(connection: DatabaseWrapper, postgres_url: str):
    process = value(connection, "SELECT pg_backend_pid()")
    with connection.cursor() as cursor:
        cursor.execute("LISTEN here")
    with psycopg.connect(postgres_url) as other:
        other.execute("NOTIFY here")
    next_request(connection)
    assert value(connection, "SELECT pg_backend_pid()") == process


def test_a_planned_query_is_planned_once_for_all_parameters(connection: DatabaseWrapper):
    asked = "SELECT %s::int + 1"
    assert [connection.planned(asked, [number]) for number in range(3)] == [[(1,)], [(2,)], [(3,)]]
    assert value(connection, "SELECT count(*) FROM pg_prepared_statements") == 1
    for _ in range(10):
        value(connection, "SELECT 5")
    assert value(connection, "SELECT count(*) FROM pg_prepared_statements") == 1


def test_a_statement_for_many_rows_is_planned_once_whatever_their_numbers(connection: DatabaseWrapper):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE counts (id smallint, number bigint)")
    rows = [(1, 2**40), (2, 7), (3, None), (4, 2**20)]
    connection.planned_many("INSERT INTO counts VALUES (%s, %s)", rows)
    connection.planned_many("INSERT INTO counts VALUES (%s, %s)", [(5, 2**33)])
    assert value(connection, "SELECT array_agg(number ORDER BY id) FROM counts") == [
        *(number for _, number in rows),
        2**33,
    ]
    planned = value(connection, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%counts%'")
    assert planned == 2, "one for numbers, and one for what is not known"
