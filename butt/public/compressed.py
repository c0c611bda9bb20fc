"""Pages and the files they load go over the wire compressed; exports, live news and answers to programs go as they are."""

from typing import Any

from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware

OK = 200
KINDS = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml"})


class Compressed(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if kind not in KINDS:
            return response
        if response.streaming:
            if response.status_code != OK or request.method != "GET":
                return response
            # A file is known again by its date: its tag would be another one once it is compressed.
            del response.headers["ETag"]
        return super().process_response(request, response)
