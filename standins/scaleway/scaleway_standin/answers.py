"""Requests, answers and refusals, in the shapes that Scaleway's API gives them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    largest_page: int = 0
    """How much a page holds at most, whatever is asked for; 0: as much as is asked for."""

    def first(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, [otherwise])[0]

    def tags(self) -> set[str]:
        """Values are separated by commas (instances), or the parameter is repeated (block storage)."""
        return {tag for value in self.query.get("tags", []) for tag in value.split(",") if tag}

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(400, "invalid_arguments", "invalid argument(s)", details=[])
        return body


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refusal(Exception):
    """An error as the API returns it: a status, a type, a message, and the fields of that type."""

    def __init__(self, status: int, type_: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"type": type_, "message": message, **more}


class Silent(Exception):
    """An error with a status alone, as a gateway in front returns it."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.answer = Answer(status, b"", headers or {})


class Dropped(Exception):
    """The connection ends without an answer, after `hold` seconds."""

    def __init__(self, hold: float) -> None:
        super().__init__("no answer")
        self.hold = hold


def not_found(resource: str, resource_id: str) -> Refusal:
    return Refusal(404, "not_found", "resource is not found", resource=resource, resource_id=resource_id)


def too_many() -> Silent:
    return Silent(429, {"X-Envoy-Ratelimited": "true"})


def missing(*names: str) -> Refusal:
    details = [
        {"argument_name": n, "reason": "required", "help_message": "required key not provided"} for n in names
    ]
    return Refusal(400, "invalid_arguments", "invalid argument(s)", details=details)


def wrong(name: str, why: str) -> Refusal:
    details = [{"argument_name": name, "reason": "constraint", "help_message": why}]
    return Refusal(400, "invalid_arguments", "invalid argument(s)", details=details)


def passing(resource: str, resource_id: str, state: str) -> Refusal:
    more = {"resource": resource, "resource_id": resource_id, "current_state": state}
    return Refusal(409, "transient_state", "resource is in a transient state", **more)


def in_use(why: str) -> Refusal:
    more = {"precondition": "resource_still_in_use", "help_message": why}
    return Refusal(412, "precondition_failed", "precondition is not respected", **more)


def out_of_stock(resource: str) -> Refusal:
    return Refusal(503, "out_of_stock", "resource is out of stock", resource=resource)


def over_quota(resource: str, quota: int, current: int) -> Refusal:
    details = [{"resource": resource, "quota": quota, "current": current}]
    return Refusal(403, "quotas_exceeded", "quota(s) exceeded for this resource", details=details)


def page_of(request: Request, items: list[Any], *, size_name: str, otherwise: int, most: int) -> list[Any]:
    try:
        page, size = int(request.first("page", "1")), int(request.first(size_name, str(otherwise)))
    except ValueError:
        raise wrong("page", "a number is needed") from None
    if page < 1 or not 1 <= size <= most:
        raise wrong(size_name, f"between 1 and {most}")
    size = min(size, request.largest_page or size)
    return items[(page - 1) * size : page * size]
