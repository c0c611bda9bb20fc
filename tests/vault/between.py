"""Storage that answers late, twice, not at all, or is full, or lies about its list."""

import http.client
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class Between:
    """What stands between a client and the storage: it lets everything through, or does as `fault` says, so many times."""

    def __init__(self, url: str) -> None:
        self.fault, self.times, self.puts = "", 0, 0
        there, between = urlsplit(url), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def does(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                between.puts += self.command == "PUT"
                fault = between.next_fault()
                if fault == "denied":
                    self._say(403, b"")
                elif fault == "busy":
                    self._say(503, b"")
                elif fault == "full" and self.command == "PUT":
                    self._say(507, b"")
                elif fault == "keeps" and self.command in ("DELETE", "POST"):
                    self._say(403, b"")
                elif fault == "lacks" and self.command == "GET" and "list-type=2" not in self.path:
                    self._say(404, b"")
                elif fault == "cut":
                    self.close_connection = True
                else:
                    if fault == "late":
                        time.sleep(0.2)
                    status, content, kind = self._ask(body)
                    if fault == "twice":
                        # It is done, and nobody hears of it: who asked asks again.
                        self.close_connection = True
                        return
                    if fault == "lies" and b"ListBucketResult" in content:
                        content = content.partition(b"<Contents>")[0] + b"</ListBucketResult>"
                    self._say(status, content, kind)

            do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = does

            def _ask(self, body: bytes) -> tuple[int, bytes, str]:
                connection = http.client.HTTPConnection(there.netloc, timeout=30)
                with suppress(KeyError):
                    del self.headers["Transfer-Encoding"]
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                return answer.status, content, answer.headers.get("Content-Type", "")

            def _say(self, status: int, content: bytes, kind: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", '"0"')
                self.send_header("Last-Modified", "Mon, 30 Nov 2026 00:00:00 GMT")
                if kind:
                    self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def start(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def next_fault(self) -> str:
        self.times -= 1
        return self.fault if self.times >= 0 else ""

    def does(self, fault: str, times: int = 10**9) -> None:
        self.fault, self.times = fault, times
