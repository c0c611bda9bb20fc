"""A connection over which a page arrives in two parts."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PAUSE = 0.5
"""Seconds between the parts: a browser that paints a page in part has done so by then, 30 times over."""


class SlowLine:
    """`with SlowLine(port, b"</details>") as line:` serves what comes from `port` at `line.url`; a page
    pauses after those bytes.
    """

    def __init__(self, port: int, cut: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if "text/event-stream" in self.headers["Accept"]:
                    return self.send_error(404)
                there = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                passed = {name: self.headers[name] for name in ("Cookie", "Accept") if name in self.headers}
                there.request("GET", self.path, headers={**passed, "Host": f"127.0.0.1:{port}"})
                answer = there.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy"):
                    if value := answer.getheader(name):
                        self.send_header(name, value)
                self.end_headers()
                first, found, rest = body.partition(cut)
                self.wfile.write(first + found)
                if found:
                    time.sleep(PAUSE)
                    self.wfile.write(rest)

                return None

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
