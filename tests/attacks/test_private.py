"""Without a token the private server does no work, and one machine does not keep another from reporting."""

import json
import socket
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.limits.table import MACHINE_UPLOADS
from butt.machines.reports import MOST_BYTES
from tests.attacks.lines import heard
from tests.attacks.machine import expected, joined, path_of, token_of
from tests.machines.machines import report
from tests.pages.server import Pages
from tests.service import wait_for

MACHINES = ("m1", "m2")


class Private(Pages):
    """`butt private` alone, with two machines."""

    def command(self) -> list[str]:
        command = [sys.executable, "-m", "butt", "private", "--home", str(self.home)]
        return [*command, "--private-port", str(self.port)]

    def _is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            assert self.process.poll() is None
            return False
        return True

    def joins(self, minion_id: str) -> None:
        self.insert(*joined(minion_id))

    def expects(self, minion_id: str) -> str:
        """The path of an export that the machine is asked for."""
        upload = expected(minion_id)
        self.insert(upload)
        return path_of(upload, minion_id)

    def says(self, minion_id: str, head: str, body: bytes = b"", token: str = "") -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self.port), 20)
        token = token or token_of(minion_id)
        one.sendall(
            f"{head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n".encode() + body
        )
        return one

    def reports(self, minion_id: str) -> bytes:
        body = json.dumps(report()).encode()
        end = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        return heard(self.says(minion_id, f"POST /agents/{minion_id}/report", end + body)).partition(b"\r\n")[
            0
        ]


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    with Private(tmp_path_factory.mktemp("home")) as private:
        for minion_id in MACHINES:
            private.joins(minion_id)
        yield private


@pytest.mark.parametrize("path", ["/agents/m1/report", f"/agents/m1/exports/{uuid.UUID(int=1)}", "/nowhere"])
def test_no_body_is_read_without_a_token(private: Private, path: str):
    for method in ("POST", "PUT"):
        one = private.says("m1", f"{method} {path}", b"Content-Length: 4000000\r\n\r\nx", token="made up")
        assert heard(one).startswith(b"HTTP/1.1 401 ")


def test_a_slow_machine_does_not_keep_others_from_reporting(private: Private):
    dribbles = [
        private.says("m1", "POST /agents/m1/report", f"Content-Length: {MOST_BYTES}\r\n\r\nx".encode())
        for _ in range(100)
    ]
    try:
        assert private.reports("m2") == b"HTTP/1.1 204 No Content"
    finally:
        for one in dribbles:
            one.close()


def test_the_number_of_exports_a_machine_sends_at_once_is_limited(private: Private):
    body = b"Content-Length: 1000\r\n\r\nx"
    going = [private.says("m1", f"PUT {private.expects('m1')}", body) for _ in range(MACHINE_UPLOADS.most)]
    try:
        drafts = private.home / "uploads"
        wait_for(lambda: len(list(drafts.glob("*.draft"))) == MACHINE_UPLOADS.most)
        assert heard(private.says("m1", f"PUT {private.expects('m1')}", body)).startswith(b"HTTP/1.1 429 ")
        end = b"Content-Length: 3\r\nConnection: close\r\n\r\nall"
        assert heard(private.says("m2", f"PUT {private.expects('m2')}", end)).startswith(b"HTTP/1.1 204 ")
    finally:
        for one in going:
            one.close()
    wait_for(lambda: not list(drafts.glob("*.draft")))
    assert "Traceback" not in (private.home / "up.log").read_text(), "to hang up is no error of ours"


def test_a_report_that_is_too_long_is_refused(private: Private, tmp_path: Path):
    one = private.says("m1", "POST /agents/m1/report", f"Content-Length: {MOST_BYTES + 1}\r\n\r\nx".encode())
    assert heard(one).startswith(b"HTTP/1.1 413 ")
