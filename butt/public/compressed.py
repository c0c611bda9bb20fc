"""Compresses pages and their files; exports, live streams and answers to programs are sent as they are."""

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
            # The browser revalidates a file by its date, as compression would change the ETag.
            del response.headers["ETag"]
        return super().process_response(request, response)
