"""Errors are reported to Sentry if a setting names it, without anything of a person or a bot."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SECRETS = (
    "alice@example.org",
    "my.butt.example:8008:@gaQw6xD5pG3n9yVvJfWb1o0hJx4dXyP0cM2sVn8WmPk=.ed25519~seedseedseedseed",
    "https://butt.example/join/abcdefghijkl",
    "correct horse",
)
FAILS = f"""
import logging, sys
from butt.command import configure
configure(home=sys.argv[1])
from butt.tracing import request_id
request_id.set("request-0001")
log = logging.getLogger("butt.tried")
held = {SECRETS!r}
try:
    raise ValueError(" ".join(held))
except ValueError:
    log.exception("the bot of %s did not start", held[0])
log.error("put together before: " + " ".join(held[:3]))
log.warning("a warning is no error")
raise RuntimeError("it ends, with " + held[3])
"""


class Receiver(ThreadingHTTPServer):
    """Accepts envelopes as Sentry does: a line for the whole, then a line and a body for each item."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.text = ""
        super().__init__(("127.0.0.1", 0), Takes)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.server_port}/1"


class Takes(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        assert self.path == "/api/1/envelope/"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        self.server.text += text.decode()
        lines = text.decode().splitlines()[1:]
        items = zip(lines[::2], lines[1::2], strict=True)
        self.server.events += [
            json.loads(item) for head, item in items if json.loads(head)["type"] == "event"
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server
        server.shutdown()


def runs(code: str, home: Path, dsn: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {"BUTT_SENTRY_DSN": dsn} if dsn else {}
    command = [sys.executable, "-c", code, str(home)]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)


def test_a_report_says_where_it_failed_and_nothing_about_people(receiver: Receiver, tmp_path: Path):
    ran = runs(FAILS, tmp_path / "home", receiver.dsn)
    assert ran.returncode == 1, ran.stderr
    caught, logged, last = receiver.events
    assert caught["logentry"]["message"] == "the bot of %s did not start"
    assert caught["tags"] == {"request": "request-0001"}
    (error,) = caught["exception"]["values"]
    assert (error["type"], error["stacktrace"]["frames"][-1]["lineno"]) == ("ValueError", 10)
    assert logged["logentry"]["message"].startswith("put together before: …")
    assert last["exception"]["values"][0]["type"] == "RuntimeError"
    for secret in (*SECRETS, "seedseed", str(tmp_path), os.uname().nodename):
        assert secret not in receiver.text


def test_without_the_setting_the_sdk_is_not_loaded(tmp_path: Path):
    code = "import sys; from butt.command import configure; configure(home=sys.argv[1]); print('sentry_sdk' in sys.modules)"
    assert runs(code, tmp_path / "home").stdout == "False\n"


def test_an_invalid_dsn_is_reported_at_the_start(tmp_path: Path):
    code = "import sys; from butt.command import main; main(['manage', 'check', '--home', sys.argv[1]])"
    ran = runs(code, tmp_path / "home", "sentry.example.org")
    assert ran.returncode == 1
    assert "BUTT_SENTRY_DSN is not a DSN" in ran.stderr
