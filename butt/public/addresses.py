"""Where a request comes from."""

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The visitor's IP address; uvicorn has already taken the proxies it trusts into account."""
    return str(request.META.get("REMOTE_ADDR") or "")
