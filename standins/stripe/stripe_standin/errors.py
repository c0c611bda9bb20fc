"""Errors, in the shape of Stripe's."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """An answer with an error status. `more` is added to the fields of the error."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.more = status, message, kind, more

    def body(self) -> dict[str, Any]:
        return {"error": {"type": self.kind, "message": self.message, **self.more}}


def missing(kind: str, identifier: str, param: str, status: int = 404) -> Refused:
    message = f"No such {kind.rpartition('.')[2].replace('_', '')}: '{identifier}'"
    return Refused(status, message, code="resource_missing", param=param)


def invalid(message: str, param: str = "", code: str = "") -> Refused:
    more = {name: value for name, value in (("param", param), ("code", code)) if value}
    return Refused(400, message, **more)


def declined(
    decline: str, message: str, intent: tuple[str, dict[str, Any]] | None = None, code: str = "card_declined"
) -> Refused:
    """`intent` is the intent whose card was refused: its kind and the object."""
    more: dict[str, Any] = {"code": code, "param": ""}
    if code == "card_declined":
        more["decline_code"] = decline
    if intent:
        more[intent[0]] = intent[1]
        more["payment_method"] = None
    return Refused(402, message, "card_error", **more)
