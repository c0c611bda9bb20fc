"""Time passes: periods end, drafts are finalised, charges are retried, and what was not paid in time
expires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from stripe_standin import invoicing, payments, renewals
from stripe_standin.errors import invalid
from stripe_standin.routes import route
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

Moment = tuple[int, int, str, Callable[[], Any]]
KEPT_FOR = 30 * 86_400


def pass_to(world: World, clock: str, until: int) -> None:
    """Everything that is due by then, in order."""
    frozen = world.frozen(clock)
    kind = "_clock" if frozen.get("object") is None else "test_helpers.test_clock"
    while moment := min(_moments(world, clock, until), key=lambda each: each[:3], default=None):
        world.update(kind, frozen, {"frozen_time": max(frozen["frozen_time"], moment[0])})
        moment[3]()
    if until > frozen["frozen_time"]:
        frozen["frozen_time"] = until
        if kind != "_clock":
            world.store.put(kind, frozen)


def _moments(world: World, clock: str, until: int) -> Iterator[Moment]:
    for moment in _of_all(world):
        if moment[0] <= until and world.clock_of(moment[4]) == clock:
            yield moment[:4]


def _of_all(world: World) -> Iterator[tuple[int, int, str, Callable[[], Any], Object]]:
    for each in world.store.all("payment_intent"):
        settles_at = world.hidden(each["id"]).get("settles_at")
        if each["status"] == "processing" and settles_at:
            yield settles_at, 0, each["id"], partial(_settle, world, each), each
    for each in world.store.all("invoice"):
        if each["status"] == "draft" and each["auto_advance"] and each["automatically_finalizes_at"]:
            at = each["automatically_finalizes_at"]
            yield at, 1, each["id"], partial(renewals.finalized, world, each), each
        elif each["status"] == "open" and each["next_payment_attempt"]:
            again = partial(invoicing.collect, world, each, off_session=True)
            yield each["next_payment_attempt"], 2, each["id"], again, each
    for each in world.store.all("subscription"):
        if each["status"] == "incomplete":
            at = each["created"] + renewals.INCOMPLETE_FOR
            yield at, 3, each["id"], partial(renewals.expire, world, each), each
        elif each["status"] in {"active", "trialing", "past_due", "unpaid"}:
            resumes = (each["pause_collection"] or {}).get("resumes_at")
            if resumes:
                yield resumes, 3, each["id"], partial(_go_on, world, each), each
            at = min(renewals.period_end(each), each["cancel_at"] or 1 << 40)
            yield at, 4, each["id"], partial(renewals.renew, world, each, at), each


def _settle(world: World, intent: Object) -> None:
    payments.settle(world, intent, world.store.get("payment_method", intent["payment_method"]))
    invoicing.follow(world, intent, counts=True)


def _go_on(world: World, there: Object) -> None:
    world.update("subscription", there, {"pause_collection": None}, "customer.subscription.updated")


@route("POST", "/v1/test_helpers/test_clocks", "test_helpers.TestClockCreateParams", "frozen_time name")
def create(world: World, given: dict[str, Any]) -> Object:
    clock = new(
        "test_helpers.test_clock",
        id=new_id("clock"),
        created=world.now(),
        deletes_after=world.now() + KEPT_FOR,
        frozen_time=given["frozen_time"],
        name=given.get("name"),
        status="ready",
        status_details={},
    )
    return world.store.put("test_helpers.test_clock", clock)


@route("GET", "/v1/test_helpers/test_clocks", "test_helpers.TestClockListParams")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:  # noqa: ARG001
    return world.store.all("test_helpers.test_clock")


@route("GET", "/v1/test_helpers/test_clocks/{clock}", "test_helpers.TestClockRetrieveParams")
def retrieve(world: World, given: dict[str, Any], clock: str) -> Object:  # noqa: ARG001
    return world.store.get("test_helpers.test_clock", clock)


@route(
    "POST",
    "/v1/test_helpers/test_clocks/{clock}/advance",
    "test_helpers.TestClockAdvanceParams",
    "frozen_time",
)
def advance(world: World, given: dict[str, Any], clock: str) -> Object:
    """The answer says `advancing`; the clock is `ready` the next time somebody looks."""
    there = world.store.get("test_helpers.test_clock", clock)
    until = given["frozen_time"]
    if until <= there["frozen_time"]:
        raise invalid("The frozen_time must be after the clock's current frozen time.", "frozen_time")
    lengths = [
        2 * (item["current_period_end"] - item["current_period_start"])
        for each in world.store.all("subscription")
        if each["test_clock"] == clock and each["status"] not in renewals.OVER
        for item in each["items"]["data"]
    ]
    # A trial of a few days does not set the billing cycle.
    if lengths and until > there["frozen_time"] + max(min(lengths), 56 * 86_400):
        raise invalid(
            "You can advance a test clock by at most two of the shortest billing intervals.", "frozen_time"
        )
    pass_to(world, clock, until)
    world.emit("test_helpers.test_clock.ready", there)
    return {**there, "status": "advancing"}


@route("DELETE", "/v1/test_helpers/test_clocks/{clock}", "test_helpers.TestClockDeleteParams")
def delete(world: World, given: dict[str, Any], clock: str) -> Object:  # noqa: ARG001
    from stripe_standin import customers

    for each in world.store.all("customer"):
        if each["test_clock"] == clock:
            customers.delete(world, {}, each["id"])
    world.store.get("test_helpers.test_clock", clock)
    world.hide(clock, frozen_time=world.frozen(clock)["frozen_time"])
    world.store.remove("test_helpers.test_clock", clock)
    return {"id": clock, "object": "test_helpers.test_clock", "deleted": True}
