"""The stand-in over HTTP, on loopback: the API, the script for browsers, and the hosted pages."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from stripe_standin import pages
from stripe_standin.faults import Dropped
from stripe_standin.standin import Answer, Request, StandIn

LARGEST_BODY = 1 << 20
ROUND = 1.0


class Server(ThreadingHTTPServer):
    """`Server(standin, port)`, with port 0 for any; `serve_forever()`, or `with Server(…) as server:`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, standin: StandIn, port: int = 0) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", port), Handler)
        standin.world.url = self.url
        self._last = time.monotonic()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def service_actions(self) -> None:
        if time.monotonic() - self._last > ROUND:
            self._last = time.monotonic()
            self.standin.round()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.standin.close()

    def handle_error(self, *_: Any) -> None:
        """A client that went away is not worth a line."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    disable_nagle_algorithm = True
    wbufsize = -1

    def _answer(self) -> None:
        size = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        url = urlsplit(self.path)
        body = self.rfile.read(size).decode("utf-8", "replace")
        page = pages.page(self.server.standin, self.command, url.path)
        if page:
            self._send(200, page.kind, page.body, {})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.standin.handle(Request(self.command, url.path, url.query, body, headers))
        except Dropped as dropped:
            time.sleep(min(dropped.hold, 60))
            self.close_connection = True
            return
        self._json(answer)

    def _json(self, answer: Answer) -> None:
        self._send(answer.status, "application/json", json.dumps(answer.body).encode(), answer.headers)

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        # Pages of other origins may make the script's calls.
        every = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Content-Type": kind}
        for name, value in {**every, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Each call would be a line; `/_standin/calls` counts them instead."""
