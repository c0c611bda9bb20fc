"""The ways to steer the stand-in: what happens at Stripe without a call of its API."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from stripe_standin import account, elements, passing, payments
from stripe_standin.cards import CARDS
from stripe_standin.errors import Refused
from stripe_standin.faults import Rule
from stripe_standin.shapes import listed
from stripe_standin.webhooks import Manners
from stripe_standin.world import REAL

if TYPE_CHECKING:
    from stripe_standin.standin import Answer, Request, StandIn


def steer(standin: StandIn, request: Request) -> Answer:
    from stripe_standin.standin import Answer

    name = request.path.removeprefix("/_standin/")
    try:
        if request.method == "GET":
            return Answer(200, _looks(standin, name))
        return Answer(200, STEERS[name](standin, json.loads(request.body or "{}")) or {})
    except Refused as refused:
        return Answer(refused.status, refused.body())
    except (KeyError, TypeError, ValueError) as error:
        return Answer(400, {"error": {"message": f"{type(error).__name__}: {error}"}})


def _looks(standin: StandIn, name: str) -> Any:
    if name == "calls":
        return dict(standin.calls)
    if name == "wrong":
        return listed([{"id": wrong} for wrong in standin.wrong], "/_standin/wrong")
    raise KeyError(name)


def _faults(standin: StandIn, said: dict[str, Any]) -> None:
    standin.faults.rules += [Rule(**each) for each in said.get("rules", [])]
    standin.faults.hold = said.get("hold", standin.faults.hold)
    standin.faults.per_second = said.get("per_second", standin.faults.per_second)


def _calm(standin: StandIn, said: dict[str, Any]) -> None:  # noqa: ARG001
    standin.calm()


def _webhooks(standin: StandIn, said: dict[str, Any]) -> None:
    standin.telling.manners = Manners(dice=random.Random(said.pop("seed", None)), **said)  # noqa: S311


def _clock(standin: StandIn, said: dict[str, Any]) -> dict[str, Any]:
    """Let time pass for everybody without a test clock."""
    clock = standin.world.frozen(REAL)
    clock["offset"] += int(said["advance"])
    standin.world.store.put("_clock", clock)
    standin.tick()
    return {"now": clock["frozen_time"]}


def _card(standin: StandIn, said: dict[str, Any]) -> None:
    """The bank of a payment method changes its answer: to that of another test card, or back to its own."""
    method = standin.world.store.get("payment_method", said["payment_method"])
    if said.get("becomes"):
        CARDS[said["becomes"]]
    standin.world.hide(method["id"], becomes=said.get("becomes"))


def _dispute(standin: StandIn, said: dict[str, Any]) -> Any:
    return payments.dispute(
        standin.world, standin.world.store.get("charge", said["charge"]), said.get("reason", "fraudulent")
    )


def _settings(standin: StandIn, said: dict[str, Any]) -> dict[str, Any]:
    unknown = said.keys() - standin.world.settings.keys()
    if unknown:
        raise KeyError(", ".join(unknown))
    standin.world.settings.update(said)
    return dict(standin.world.settings)


def _enter(standin: StandIn, said: dict[str, Any]) -> Any:
    """What a browser does: a card is entered, and its owner authenticates when asked to."""
    standin.tick()
    return elements.entered(
        standin.world, said["client_secret"], said["number"], passes=said.get("passes", True)
    )


def _authenticate(standin: StandIn, said: dict[str, Any]) -> Any:
    return elements.authenticate(standin.world, said["client_secret"], success=said.get("success", True))


def _endpoint(standin: StandIn, said: dict[str, Any]) -> Any:
    return account.endpoint(standin.world, said["url"], said.get("secret", ""), said.get("enabled_events"))


def _advance(standin: StandIn, said: dict[str, Any]) -> None:
    """Advance a test clock without Stripe's bound on how far."""
    passing.pass_to(standin.world, said["clock"], int(said["to"]))


STEERS = {
    "advance": _advance,
    "authenticate": _authenticate,
    "calm": _calm,
    "card": _card,
    "clock": _clock,
    "dispute": _dispute,
    "endpoint": _endpoint,
    "enter": _enter,
    "faults": _faults,
    "settings": _settings,
    "webhooks": _webhooks,
}
