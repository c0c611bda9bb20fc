"""How many connections the public server takes of a PostgreSQL: few, however many people look."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import psycopg
import pytest

from butt.public.asgi import SLOW_THREADS, THREADS
from tests.people import PASSWORD
from tests.service import Service, wait_for

PAGES, STREAMS = 100, 30
PLACED = """
import django
django.setup()
from butt.accounts.models import Account
from tests.machines.machines import machine, placed_bot
placed_bot(Account.objects.get(email="bob@example.org").agent, machine(), "bobs")
"""


class PublicServer(Service):
    """`butt public` alone."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "butt", "public", "--home", str(self.home), "--port", str(self.port)]


@pytest.fixture
def site(postgres_url: str, tmp_path: Path) -> Iterator[Service]:
    site = PublicServer(tmp_path, tmp_path, most_bots=1, database_url=postgres_url, host="salt")
    site.environment.pop("DJANGO_SETTINGS_MODULE", None)
    with site:
        yield site


def test_connections_grow_neither_with_requests_nor_with_open_pages(site: Service, postgres_url: str):
    alice = site.person("alice@example.org")
    with ThreadPoolExecutor(20) as crowd:
        assert len(list(crowd.map(lambda _: alice.call("GET", "/agents"), range(PAGES)))) == PAGES
    cookie = signs_in(site, "alice@example.org")
    streams = [opened(site, cookie) for _ in range(STREAMS)]
    with psycopg.connect(postgres_url) as database:
        (held,) = database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchone() or (0,)
    for stream in streams:
        stream.close()
    assert 1 < held <= THREADS + SLOW_THREADS + 3, (
        "those of the threads, the board's, the listener's, and ours"
    )


def test_a_log_is_still_followed_after_the_database_closed_every_connection(site: Service, postgres_url: str):
    site.person("bob@example.org")
    subprocess.run(
        [sys.executable, "-c", PLACED],
        env=site.environment | {"DJANGO_SETTINGS_MODULE": "butt.settings"},
        check=True,
        timeout=60,
    )
    cookie = signs_in(site, "bob@example.org")
    with psycopg.connect(postgres_url, autocommit=True) as database:

        def says(line: str) -> bool:
            """Once somebody reads the log, its machine reports."""
            sent = "UPDATE machines_tail SET text = text || %s, read_at = now()"
            return database.execute(sent, [f"{line}\n"]).rowcount == 1

        with urlopen(
            Request(f"{site.url}/bots/bobs/log/lines", headers={"Cookie": cookie}), timeout=30
        ) as log:
            wait_for(lambda: says("before"))
            assert any(b"before" in line for line in log)
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
            says("after")
            assert any(b"after" in line for line in log)


def signs_in(site: Service, email: str) -> str:
    """The cookie of somebody who signed in on the page."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    browser.open(f"{site.url}/start", timeout=20)
    cookies = {cookie.name: cookie.value or "" for cookie in jar}
    form = {"email": email, "password": PASSWORD, "csrfmiddlewaretoken": cookies["csrftoken"]}
    browser.open(f"{site.url}/start", urlencode(form).encode(), timeout=20)
    return next(f"{cookie.name}={cookie.value}" for cookie in jar if cookie.name == "butt")


def opened(site: Service, cookie: str) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", site.port), 20)
    stream.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    assert stream.recv(4096).startswith(b"HTTP/1.1 200")
    return stream
