"""Cheap answers, given on the event loop when no thread is free for a page."""

import json
from typing import Any

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>\
<meta name="viewport" content="width=device-width"><body style="font-family:sans-serif;max-width:30em;margin:4em auto">\
<h1>{title}</h1><p>{message}</p></body></html>"""


async def answer(
    scope: Any, send: Any, status: int, code: str, message: str, *, title: str = "not now", retry: int = 0
) -> None:
    """Send `message` as a small page, or as a JSON error to clients that do not accept pages, and end the
    connection.
    """
    if _takes_pages(scope["headers"]):
        kind, body = b"text/html; charset=utf-8", _PAGE.format(title=title, message=message)
    else:
        kind, body = b"application/json", json.dumps({"error": {"code": code, "message": message}})
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body.encode())).encode()),
        (
            b"content-security-policy",
            b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    if retry:
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    content = b"" if scope["method"] == "HEAD" else body.encode()
    await send({"type": "http.response.body", "body": content, "more_body": False})


async def answer_too_slow(scope: Any, send: Any) -> None:
    message = "Your request took too long to arrive. Nothing was done. Send it again."
    await answer(scope, send, 408, "too_slow", message)


async def answer_full(scope: Any, send: Any) -> None:
    message = "You are sending too many requests at once. Please wait a second and try again."
    await answer(scope, send, 429, "too_many_requests", message, retry=1)


def _takes_pages(headers: list[tuple[bytes, bytes]]) -> bool:
    given = dict(headers)
    return b"authorization" not in given and b"text/html" in given.get(b"accept", b"")
