"""A private server that answers what the test wants, well or badly, and keeps what it receives."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Teller:
    """`bots` are the orders of each minion; `answer` may be one of the bad manners below."""

    def __init__(self, address: str) -> None:
        self.pillars: dict[str, dict[str, Any]] = {}
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.exports: dict[str, bytes] = {}
        self.answer: Answer = well
        self.has_vault = False
        self.kept: dict[str, bytes] = {}
        teller = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                minion_id = self.path.split("/")[2]
                if "/vault/" in self.path:
                    _send(self, 200, json.dumps(NOTHING_KEPT).encode())
                    return
                teller.answer(self, {"butt": teller.pillars[minion_id]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/vault"):
                    _send(self, 204, b"")
                    return
                teller.reports.append((self.path.split("/")[2], body))
                self.send_response(204)
                self.end_headers()

            def do_PUT(self) -> None:
                if "/vault/" in self.path:
                    name = self.path.partition("/vault/")[2]
                    content = teller.kept[name] = self.rfile.read(int(self.headers["Content-Length"]))
                    _send(self, 200, json.dumps({"end": len(content)}).encode())
                    return
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                teller.exports[self.path.split("/")[4]] = body
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._handler = Handler
        self._server = ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def down(self) -> Iterator[None]:
        """During a block nobody listens there."""
        self.__exit__()
        yield
        self._server = ThreadingHTTPServer(self._server.server_address, self._handler)
        self.__enter__()

    def tells(self, minion_id: str, bots: dict[str, Any], deleted: tuple[str, ...] = ()) -> None:
        """From now on this is the minion's pillar, one generation later."""
        generation = self.pillars.get(minion_id, {}).get("generation", 0) + 1
        self.pillars[minion_id] = {
            "schema": 1,
            "agent": minion_id,
            "generation": generation,
            "complete": True,
            "bots": json.loads(json.dumps(bots)),
            "deleted": list(deleted),
            **({"vault": True} if self.has_vault else {}),
        }

    def last_report(self) -> dict[str, Any]:
        return self.reports[-1][1]


NOTHING_KEPT = {"line": "", "start": 0, "end": 0, "digest": "", "secret": "", "gossip": "", "blobs": []}


def well(to: BaseHTTPRequestHandler, pillar: dict[str, Any]) -> None:
    _send(to, 200, json.dumps(pillar).encode())


def body(content: bytes, status: int = 200) -> Answer:
    return lambda to, _: _send(to, status, content)


def changed(**fields: Any) -> Answer:
    return lambda to, pillar: _send(to, 200, json.dumps({"butt": {**pillar["butt"], **fields}}).encode())


def slow(to: BaseHTTPRequestHandler, pillar: dict[str, Any]) -> None:
    time.sleep(8)
    well(to, pillar)


def dripping(to: BaseHTTPRequestHandler, pillar: dict[str, Any]) -> None:
    """A byte now and then: each single read is quick."""
    content = json.dumps(pillar).encode()
    to.send_response(200)
    to.send_header("Content-Length", str(len(content)))
    to.end_headers()
    for byte in content[:40]:
        to.wfile.write(bytes([byte]))
        time.sleep(0.2)


def cut(to: BaseHTTPRequestHandler, pillar: dict[str, Any]) -> None:
    """Half of it, then nothing: it is not JSON, but looks like it at first."""
    content = json.dumps(pillar).encode()
    to.send_response(200)
    to.send_header("Content-Length", str(len(content) + 100))
    to.end_headers()
    to.wfile.write(content)


def elsewhere(to: BaseHTTPRequestHandler, pillar: dict[str, Any]) -> None:
    to.send_response(302)
    to.send_header("Location", to.path)
    to.end_headers()


def _send(to: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
    to.send_response(status)
    to.send_header("Content-Length", str(len(content)))
    to.end_headers()
    to.wfile.write(content)


BAD: dict[str, Answer] = {
    "slow": slow,
    "500": body(b'{"butt": {}}', 500),
    "401": body(b'{"error": {}}', 401),
    "redirect": elsewhere,
    "dripping": dripping,
    "cut off": cut,
    "nothing": body(b""),
    "garbage": body(b"\xff\x00<html>"),
    "an empty object": body(b"{}"),
    "an empty list": body(b"[]"),
    "null": body(b"null"),
    "an error with 200": body(b'{"error": {"code": "in_doubt"}}'),
    "no pillar": body(b'{"butt": {}}'),
    "too long": body(b" " * (9 * 2**20) + b"{}"),
    "another minion's": changed(agent="another"),
    "another schema": changed(schema=2),
    "not complete": changed(complete=False),
    "complete in another way": changed(complete="true"),
    "no bots": changed(bots=None),
    "a list of bots": changed(bots=[]),
    "nothing deleted": changed(deleted=None),
}
"""What must never be taken for a pillar."""
