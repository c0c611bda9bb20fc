"""How people are told that something cannot be shown or done, and why."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from butt.agents.actions import Refused


def sorry(request: HttpRequest, title: str, message: str, status: int, *, wait: int = 0) -> HttpResponse:
    """`wait` is how many seconds later another try makes sense."""
    response = render(request, "error.html", {"title": title, "message": message}, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


@contextmanager
def refusals_shown(request: HttpRequest) -> Iterator[None]:
    """Around what a click asks for: the next page shows why it was refused."""
    try:
        yield
    except Refused as no:
        messages.error(request, no.message)
