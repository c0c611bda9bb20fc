"""Requests that the server refuses before their body is read: marked, and answered with a page like all others."""

from enum import StrEnum

from django.http import HttpRequest

_MARK = "butt.refusal"


class RefusalCode(StrEnum):
    TOO_BIG = "too_big"
    """A body larger than any page or call accepts."""

    TOO_MANY = "too_many"
    """As many bodies are being read as may be at once."""


def refuse(request: HttpRequest, refusal: RefusalCode) -> None:
    request.META[_MARK] = refusal


def refusal_of(request: HttpRequest) -> RefusalCode | None:
    found: RefusalCode | None = request.META.get(_MARK)
    return found
