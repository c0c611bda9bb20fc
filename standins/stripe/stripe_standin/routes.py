"""Which function answers which call, and with which typed parameters. Each module adds its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe_standin.errors import Refused
from stripe_standin.typed import checked

PAGES = frozenset({"limit", "starting_after", "ending_before", "expand", "created"})


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    params: str
    known: frozenset[str]
    answer: Callable[..., Any]

    def given(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Raises `Refused` for what Stripe does not know, and for what only Stripe knows."""
        found = checked(self.params, raw)
        lacking = found.keys() - self.known - {"expand"} - (PAGES if self.method == "GET" else set())
        if lacking:
            names = ", ".join(sorted(lacking))
            raise Refused(501, f"Stripe knows {names} here, and this stand-in does not.", "standin_error")
        return found


Answer = Callable[..., Any]
ROUTES: list[Route] = []


def route(method: str, path: str, params: str, known: str = "") -> Callable[[Answer], Answer]:
    """`known` are the parameters that the function uses, separated by spaces."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def add(answer: Answer) -> Answer:
        ROUTES.append(Route(method, pattern, params, frozenset(known.split()), answer))
        return answer

    return add


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route that matches most of the path."""
    found = [
        (each, match.groupdict())
        for each in ROUTES
        if each.method == method and (match := each.pattern.fullmatch(path))
    ]
    if not found:
        raise Refused(404, f"Unrecognized request URL ({method}: {path}).")
    return min(found, key=lambda each: len(each[1]))
