"""The stand-in as a whole: who may call, what is answered, and the ways to steer it."""

from __future__ import annotations

import copy
import logging
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stripe_standin import (
    account,
    balance,
    catalogue,
    customers,
    elements,
    endings,
    idempotency,
    invoices,
    methods,
    passing,
    payments,
    previews,
    setups,
    steering,
    subscriptions,
)
from stripe_standin.errors import Refused, invalid
from stripe_standin.expanding import expanded
from stripe_standin.faults import Dropped, Faults
from stripe_standin.form import decode
from stripe_standin.routes import find
from stripe_standin.shapes import differences, listed
from stripe_standin.store import Object, Store, new_id
from stripe_standin.webhooks import Manners, Telling
from stripe_standin.world import REAL, World

log = logging.getLogger("stripe_standin")

PARTS = (
    account,
    balance,
    catalogue,
    customers,
    endings,
    invoices,
    methods,
    passing,
    payments,
    previews,
    setups,
    subscriptions,
)
"""Each has added its calls to the table of routes."""

MOST, USUAL = 100, 10
SECRET_KEY, PUBLISHABLE_KEY = "sk_test_standin", "pk_test_standin"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """`handle` answers one request; several threads may call it. With `checks`, an answer whose shape differs
    from Stripe's raises `AssertionError`.
    """

    def __init__(self, path: Path | None = None, *, checks: bool = False) -> None:
        self.world = World(Store(path))
        self.world.told = self._tell
        self.faults, self.telling = Faults(), Telling()
        self.calls: Counter[str] = Counter()
        self.checks, self.wrong = checks, []  # type: bool, list[str]
        self._lock = threading.RLock()

    def handle(self, request: Request) -> Answer:
        """Raises `Dropped` if there is to be no answer."""
        if request.path.startswith("/_standin/"):
            with self._lock:
                answer = steering.steer(self, request)
                self.world.store.commit()
            return answer
        do = self.faults.strikes(request.method, request.path)
        if do in {"drop", "timeout"}:
            raise Dropped(self.faults.hold if do == "timeout" else 0)
        number = new_id("req", 14)
        if do in {"429", "500", "503"}:
            answer = Answer(int(do), _trouble(int(do)))
        else:
            with self._lock:
                answer = self._answer(request, number)
        if do == "500_after":
            answer = Answer(500, _trouble(500))
        elif do.endswith("_after"):
            raise Dropped(self.faults.hold if do == "timeout_after" else 0)
        headers = {"Request-Id": number, "Stripe-Version": "2026-10-28.endive"}
        return Answer(answer.status, answer.body, {**headers, **answer.headers})

    def _answer(self, request: Request, number: str) -> Answer:
        try:
            self.tick()
            if request.path.startswith("/elements/"):
                return Answer(200, elements.answer(self.world, request.path, decode(request.body)))
            return self._call(request, number)
        except Refused as refused:
            body = copy.deepcopy(refused.body())
            body["error"]["request_log_url"] = f"{self.world.url}/logs/{number}"
            return Answer(refused.status, body)
        except Exception:
            # An error of the stand-in itself: the caller sees it, and the stand-in goes on.
            log.exception("%s %s", request.method, request.path)
            self.wrong.append(f"{request.method} {request.path} failed")
            return Answer(500, _trouble(500))
        finally:
            self.world.store.commit()

    def _call(self, request: Request, number: str) -> Answer:
        _check_key(request)
        route, parts = find(request.method, request.path)
        self.calls[f"{request.method} {re.sub('/[a-z]+_[A-Za-z0-9_]+(?=/|$)', '/ID', request.path)}"] += 1
        raw = decode("&".join(part for part in (request.query, request.body) if part))
        given, key = route.given(raw), None
        if request.method != "GET" and (header := request.headers.get("idempotency-key")):
            key = idempotency.key_of(header, request.method, request.path, raw)
            if before := idempotency.replayed(self.world.store, key, time.time()):
                return Answer(*before, {"Idempotent-Replayed": "true", "Idempotency-Key": key.id})
        self.world.request = {"id": number, "idempotency_key": key.id if key else None}
        try:
            made = route.answer(self.world, given, **parts)
            body = _page(made, given, request.path) if isinstance(made, list) else made
            answer = Answer(200, expanded(self.world, body, given.get("expand", [])))
        except Refused as refused:
            answer = Answer(refused.status, copy.deepcopy(refused.body()))
        self._check(answer)
        if key:
            idempotency.keep(self.world.store, key, answer.status, answer.body, time.time())
        return answer

    def _check(self, answer: Answer) -> None:
        if self.checks and answer.status == 200:
            self.wrong += differences(answer.body)

    def tick(self) -> None:
        """Customers without a test clock live by the real time."""
        offset = self.world.frozen(REAL)["offset"]
        passing.pass_to(self.world, REAL, int(time.time()) + offset)

    def round(self) -> None:
        """Call this now and then, so that things happen even if nobody calls the API."""
        with self._lock:
            self.tick()
            self.world.store.commit()

    def tell(self, url: str, secret: str) -> None:
        """Send this endpoint all events, signed with this secret. It replaces an endpoint with the same
        address.
        """
        for each in self.world.store.all("webhook_endpoint"):
            if each["url"] == url:
                self.world.store.remove("webhook_endpoint", each["id"])
        account.endpoint(self.world, url, secret)
        self.world.store.commit()

    def _tell(self, event: Object) -> None:
        if self.checks:
            self.wrong += differences(event)
        store = self.world.store
        endpoints = [
            (each, self.world.hidden(each["id"])["secret"]) for each in store.all("webhook_endpoint")
        ]
        self.telling.tell(event, endpoints)

    def calm(self) -> None:
        """Remove all faults, and count calls anew."""
        self.faults, self.telling.manners = Faults(), Manners(dice=random.Random())  # noqa: S311
        self.calls.clear()

    def close(self) -> None:
        self.telling.close()
        self.world.store.close()


def _check_key(request: Request) -> None:
    _, _, key = request.headers.get("authorization", "").partition(" ")
    if not key.startswith(("sk_test_", "rk_test_")):
        raise Refused(401, f"Invalid API Key provided: {key[:8]}****")


def _page(found: list[Object], given: dict[str, Any], path: str) -> Object:
    """Newest first, as Stripe lists them."""
    found = _created(found[::-1], given.get("created"))
    limit = given.get("limit", USUAL)
    if not 1 <= limit <= MOST:
        raise invalid(f"This value must be between 1 and {MOST}.", "limit")
    ids = [each["id"] for each in found]
    for name in ("starting_after", "ending_before"):
        if name in given and given[name] not in ids:
            raise Refused(400, f"No such object: {given[name]}", code="resource_missing", param=name)
    if "starting_after" in given:
        found = found[ids.index(given["starting_after"]) + 1 :]
    elif "ending_before" in given:
        before = found[: ids.index(given["ending_before"])]
        return listed(before[-limit:], path, len(before) > limit)
    return listed(found[:limit], path, len(found) > limit)


def _created(found: list[Object], bounds: Any) -> list[Object]:
    if bounds is None:
        return found
    if isinstance(bounds, int):
        return [each for each in found if each["created"] == bounds]
    checks = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return [each for each in found if all(checks[how](each["created"], at) for how, at in bounds.items())]


def _trouble(status: int) -> dict[str, Any]:
    if status == 429:
        said = (
            "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests."
        )
        return {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": said}}
    return {
        "error": {
            "type": "api_error",
            "message": "Sorry! There was an error while talking to one of our backends.",
        }
    }
