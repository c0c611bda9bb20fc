"""Many open pages of some people do not keep others from theirs."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from butt.limits.table import PERSON_PAGES
from tests.attacks.lines import line, open_many_files
from tests.pages.server import Pages
from tests.service import wait_for

PEOPLE = 70
MANY = """
import json
import django
django.setup()
from bench.readers import cookie_of
from tests.people import account
print(json.dumps([cookie_of(account(f"crowd{n}")) for n in range(%d)]))
"""


@pytest.fixture
def cookies(server: Pages) -> list[str]:
    environment = server.environment | {
        "DJANGO_SETTINGS_MODULE": "butt.settings",
        "BUTT_HOME": str(server.home),
    }
    run = [sys.executable, "-c", MANY % PEOPLE]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return list(json.loads(done.stdout))


@pytest.fixture
def lines() -> Iterator[list[socket.socket]]:
    open_many_files()
    opened: list[socket.socket] = []
    yield opened
    for each in opened:
        each.close()


def page(server: Pages, cookie: str, number: int) -> socket.socket:
    source = f"127.0.{1 + number // 10}.1"
    return line(
        server.door,
        f"GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: butt={cookie}\r\n\r\n".encode(),
        source,
    )


def answer_of(one: socket.socket) -> bytes:
    one.settimeout(20)
    return one.recv(13)


def test_thousands_of_open_pages_keep_nobody_out(
    server: Pages, cookies: list[str], lines: list[socket.socket]
):
    honest = server.person("honest@example.org")
    for number, cookie in enumerate(cookies):
        mine = [page(server, cookie, number) for _ in range(PERSON_PAGES.most + 1)]
        lines += mine
        answers = sorted(answer_of(each) for each in mine)
        assert answers == [b"HTTP/1.1 200 "] * PERSON_PAGES.most + [b"HTTP/1.1 204 "], (
            "the last is one too many"
        )
        assert len(honest.call("GET", "/agents")["agents"]) == 1
    assert len(lines) > 2000
    for each in lines:
        each.close()
    lines.clear()

    def is_let_in() -> bool:
        lines.append(page(server, cookies[0], 0))
        return answer_of(lines[-1]) == b"HTTP/1.1 200 "

    wait_for(is_let_in)
