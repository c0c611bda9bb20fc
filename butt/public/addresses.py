"""Where a request comes from."""

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The visitor's IP address; uvicorn has read it through the proxies it trusts."""
    return str(request.META.get("REMOTE_ADDR") or "")
