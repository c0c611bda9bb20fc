"""Uploading a pub drop by drop does not keep others from uploading theirs."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from butt.limits.table import IMPORTS, PERSON_IMPORTS
from tests.attacks.lines import are_closed, heard, line
from tests.imports.bringing import bring
from tests.imports.tars import folder_files, tar_of
from tests.pages.server import Pages
from tests.service import Person, wait_for


@pytest.fixture
def tar(tmp_path: Path) -> bytes:
    return tar_of(folder_files(tmp_path / "there").items())


@pytest.fixture
def lines() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    with ExitStack() as stack:
        stack.callback(lambda: [each.close() for each in opened])
        yield opened


def dribble(server: Pages, path: str, tar: bytes, token: str = "") -> socket.socket:
    """A connection that announces much and sends little."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Length: {len(tar) + 100_000}\r\n\r\n"
    return line(server.door, head.encode() + tar[:600])


def drafts(server: Pages) -> int:
    place = server.home / "imports"
    return len(list(place.glob("*.draft"))) if place.exists() else 0


@pytest.mark.parametrize("path", ["/agents/import?name=x&stopped=for-good", "/bots/import"])
def test_an_upload_without_signing_in_takes_no_place(
    server: Pages, lines: list[socket.socket], tar: bytes, path: str
):
    lines += [dribble(server, path, tar) for _ in range(3 * IMPORTS.most)]
    answer = heard(lines[0])
    assert b" 401 " in answer or b"Location: /start" in answer or b"location: /start" in answer.lower()
    who = server.person(f"honest{len(path)}@example.org")
    assert bring(who, f"honest-{len(path)}", b"nothing")[1]["error"]["code"] == "bad_archive", "it was read"


def test_the_places_of_one_person_are_limited(server: Pages, lines: list[socket.socket], tar: bytes):
    eve = server.person("eve@example.org")
    path = "/agents/import?name=eves&stopped=for-good"
    lines += [dribble(server, path, tar, eve.token) for _ in range(3 * IMPORTS.most)]
    wait_for(lambda: drafts(server) == 1)
    wait_for(lambda: are_closed(lines) >= len(lines) - PERSON_IMPORTS.most)
    assert drafts(server) == 1
    who = server.person("frank@example.org")
    assert bring(who, "franks", b"nothing")[1]["error"]["code"] == "bad_archive"


def test_the_slowest_upload_ends_when_another_comes(server: Pages, lines: list[socket.socket], tar: bytes):
    many: list[Person] = [server.person(f"slow{n}@example.org") for n in range(IMPORTS.most)]
    for number, who in enumerate(many):
        lines.append(dribble(server, f"/agents/import?name=slow{number}&stopped=for-good", tar, who.token))
        lines[-1].sendall(tar[600 : 600 + 100 * number])
    wait_for(lambda: drafts(server) == IMPORTS.most)
    honest = server.person("honest@example.org")
    status, brought = bring(honest, "honest-pub", tar)
    assert status == 201, brought
    answer = heard(lines[0])
    assert b" 408 " in answer
    assert "was the slowest" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert drafts(server) == IMPORTS.most - 1, "and only that one"
