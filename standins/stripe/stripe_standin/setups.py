"""Setup intents: a payment method is entered for later charges."""

from __future__ import annotations

from typing import Any

from stripe_standin import banks, methods
from stripe_standin.cards import Decline
from stripe_standin.errors import Refused, declined
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

KNOWN = "customer usage allowed_payment_method_types automatic_payment_methods metadata description"
AUTHENTICATION = Decline(
    "",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


@route("POST", "/v1/setup_intents", "SetupIntentCreateParams", KNOWN + " payment_method confirm")
def create(world: World, given: dict[str, Any]) -> Object:
    customer = given.get("customer")
    if customer:
        world.store.get("customer", customer, "customer")
    automatic = given.get("automatic_payment_methods")
    identifier = new_id("seti")
    intent = new(
        "setup_intent",
        id=identifier,
        automatic_payment_methods=automatic,
        client_secret=f"{identifier}_secret_{new_id('x', 25)[2:]}",
        created=world.now({"object": "setup_intent", "customer": customer}),
        customer=customer,
        description=given.get("description"),
        metadata=given.get("metadata") or {},
        payment_method_options=None,
        payment_method_types=given.get("allowed_payment_method_types") or ["card"],
        status="requires_payment_method",
        usage=given.get("usage", "off_session"),
    )
    world.store.put("setup_intent", intent)
    world.emit("setup_intent.created", intent)
    if "payment_method" in given:
        world.update(
            "setup_intent", intent, {"payment_method": methods.named(world, given["payment_method"])["id"]}
        )
        intent["status"] = "requires_confirmation"
    return confirm(world, intent, None) if given.get("confirm") else intent


@route("GET", "/v1/setup_intents/{intent}", "SetupIntentRetrieveParams", "client_secret")
def retrieve(world: World, given: dict[str, Any], intent: str) -> Object:  # noqa: ARG001
    return world.store.get("setup_intent", intent)


@route("POST", "/v1/setup_intents/{intent}", "SetupIntentUpdateParams", "metadata")
def update(world: World, given: dict[str, Any], intent: str) -> Object:
    there = world.store.get("setup_intent", intent)
    merge(there, given.get("metadata", {}))
    return world.update("setup_intent", there, {})


@route("POST", "/v1/setup_intents/{intent}/cancel", "SetupIntentCancelParams", "cancellation_reason")
def cancel(world: World, given: dict[str, Any], intent: str) -> Object:
    there = world.store.get("setup_intent", intent)
    reason = given.get("cancellation_reason")
    return world.update(
        "setup_intent", there, {"status": "canceled", "cancellation_reason": reason}, "setup_intent.canceled"
    )


@route("POST", "/v1/setup_intents/{intent}/confirm", "SetupIntentConfirmParams", "payment_method return_url")
def confirm_one(world: World, given: dict[str, Any], intent: str) -> Object:
    method = given.get("payment_method")
    return confirm(
        world, world.store.get("setup_intent", intent), methods.named(world, method) if method else None
    )


def confirm(world: World, intent: Object, method: Object | None) -> Object:
    """Raises `Refused` if the card is refused."""
    if intent["status"] in {"succeeded", "canceled"}:
        message = f"You cannot confirm this SetupIntent because it has already {intent['status']}."
        raise Refused(400, message, code="setup_intent_unexpected_state", setup_intent=intent)
    method = method or world.store.get("payment_method", intent["payment_method"] or "", "payment_method")
    world.update("setup_intent", intent, {"payment_method": method["id"], "last_setup_error": None})
    if method["type"] == "card" and banks.asks_at_setup(world, method):
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        world.update("setup_intent", intent, {"status": "requires_action", "next_action": action})
        world.emit("setup_intent.requires_action", intent)
        return intent
    return _finish(world, intent, method)


def authenticated(world: World, intent: Object, *, success: bool) -> Object:
    """The card's owner passed or failed in the bank's frame."""
    method = world.store.get("payment_method", intent["payment_method"])
    if success:
        return _finish(world, intent, method)
    _fail(world, intent, AUTHENTICATION, "setup_intent_authentication_failure", "invalid_request_error")
    return intent


def _finish(world: World, intent: Object, method: Object) -> Object:
    decline = banks.setup_decline(world, method)
    if decline:
        _fail(world, intent, decline, decline.code, "card_error")
        raise declined(decline.decline_code, decline.message, ("setup_intent", intent), decline.code)
    if intent["customer"]:
        methods.attach(world, method, intent["customer"])
    world.hide(method["id"], set_up=True)
    world.update("setup_intent", intent, {"status": "succeeded", "next_action": None})
    world.emit("setup_intent.succeeded", intent)
    return intent


def _fail(world: World, intent: Object, decline: Decline, code: str, kind: str) -> None:
    error = {
        "code": code,
        "decline_code": decline.decline_code or None,
        "message": decline.message,
        "type": kind,
    }
    fields = {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    world.update("setup_intent", intent, {**fields, "last_setup_error": error})
    world.emit("setup_intent.setup_failed", intent)
