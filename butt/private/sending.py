"""Sends a Django response where a request was handled before Django."""

from asgiref.typing import ASGISendCallable
from django.http import HttpResponse


async def send_answer(
    answer: HttpResponse, send: ASGISendCallable, *more: tuple[bytes, bytes], has_body: bool = True
) -> None:
    """Send it with `more` headers besides its own; without its body, for HEAD."""
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status_code,
            "headers": [*headers, *more],
            "trailers": False,
        }
    )
    body = answer.content if has_body else b""
    await send({"type": "http.response.body", "body": body, "more_body": False})
