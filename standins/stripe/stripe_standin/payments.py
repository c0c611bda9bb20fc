"""Payment intents and charges."""

from __future__ import annotations

from typing import Any

from stripe_standin import banks, invoicing
from stripe_standin.cards import Decline
from stripe_standin.errors import Refused, declined, invalid
from stripe_standin.methods import named
from stripe_standin.routes import route
from stripe_standin.setups import AUTHENTICATION
from stripe_standin.shapes import examples, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

ASKS = "This payment requires additional user action before it can be completed successfully."
DEBIT_TAKES = 5 * 86_400
"""How long a debit of a bank account is on its way."""


def make(world: World, amount: int, currency: str, customer: str | None, **more: Any) -> Object:
    identifier = new_id("pi")
    intent = new(
        "payment_intent",
        id=identifier,
        amount=amount,
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic",
        client_secret=f"{identifier}_secret_{new_id('x', 25)[2:]}",
        confirmation_method="automatic",
        created=world.now({"object": "payment_intent", "customer": customer}),
        currency=currency,
        customer=customer,
        payment_method_options={},
        payment_method_types=["card"],
        status="requires_payment_method",
        **more,
    )
    world.store.put("payment_intent", intent)
    world.emit("payment_intent.created", intent)
    return intent


def attempt(
    world: World, intent: Object, method: Object, *, off_session: bool, passed: bool = False
) -> Decline | None:
    """Try to charge; the intent shows the result. `passed` says that the owner has just authenticated."""
    now = world.now(intent)
    world.hide(intent["id"], off_session=off_session)
    world.update("payment_intent", intent, {"payment_method": method["id"], "last_payment_error": None})
    if not passed and banks.asks(world, method, off_session=off_session):
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        world.update("payment_intent", intent, {"status": "requires_action", "next_action": action})
        world.emit("payment_intent.requires_action", intent)
        return None
    world.update("payment_intent", intent, {"next_action": None})
    if method["type"] == "sepa_debit":
        world.update("payment_intent", intent, {"status": "processing"})
        world.hide(intent["id"], settles_at=now + DEBIT_TAKES)
        world.emit("payment_intent.processing", intent)
        return None
    return settle(world, intent, method)


def settle(world: World, intent: Object, method: Object) -> Decline | None:
    """Have the bank answer yes or no."""
    decline = banks.charge_decline(world, method, world.now(intent))
    charge = _charge(world, intent, method, decline)
    world.hide(intent["id"], settles_at=None)
    if decline:
        _fail(world, intent, decline, decline.code, "card_error", charge["id"])
        return decline
    received = {"amount_received": intent["amount"], "latest_charge": charge["id"], "status": "succeeded"}
    world.update("payment_intent", intent, received)
    world.emit("payment_intent.succeeded", intent)
    if banks.dispute(world, method):
        dispute(world, charge, banks.dispute(world, method))
    return None


def _fail(world: World, intent: Object, decline: Decline, code: str, kind: str, charge: str | None) -> None:
    error = {
        "code": code,
        "decline_code": decline.decline_code or None,
        "message": decline.message,
        "type": kind,
    }
    error["charge"] = charge
    fields = {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    world.update("payment_intent", intent, {**fields, "last_payment_error": error, "latest_charge": charge})
    world.emit("payment_intent.payment_failed", intent)


def _charge(world: World, intent: Object, method: Object, decline: Decline | None) -> Object:
    charge = new(
        "charge",
        id=new_id("ch"),
        amount=intent["amount"],
        amount_captured=0 if decline else intent["amount"],
        amount_refunded=0,
        billing_details=method["billing_details"],
        captured=not decline,
        created=world.now(intent),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        fraud_details={},
        outcome={
            **dict.fromkeys(examples()["charge"]["outcome"]),
            "network_status": "declined_by_network" if decline else "approved_by_network",
            "reason": decline.decline_code if decline else None,
            "type": "issuer_declined" if decline else "authorized",
        },
        paid=not decline,
        payment_intent=intent["id"],
        payment_method=method["id"],
        receipt_url=None if decline else f"{world.url}/receipts/{intent['id']}",
        refunded=False,
        status="failed" if decline else "succeeded",
    )
    if "refunds" in charge:
        charge["refunds"] = None
    world.store.put("charge", charge)
    world.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def confirm(world: World, intent: Object, method: Object | None, *, off_session: bool) -> Object:
    """Raises `Refused` if the card is refused."""
    if intent["status"] not in {"requires_payment_method", "requires_confirmation", "requires_action"}:
        raise invalid(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = method or world.store.get("payment_method", intent["payment_method"] or "", "payment_method")
    decline = attempt(world, intent, method, off_session=off_session)
    invoicing.follow(world, intent)
    if decline:
        raise declined(decline.decline_code, decline.message, ("payment_intent", intent), decline.code)
    if (
        off_session
        and intent["status"] == "requires_action"
        and not world.hidden(intent["id"]).get("invoice")
    ):
        message = "Your card was declined. This transaction requires authentication."
        refusal = Decline("authentication_required", message, "authentication_required")
        _fail(world, intent, refusal, refusal.code, "card_error", None)
        raise declined(refusal.decline_code, refusal.message, ("payment_intent", intent), refusal.code)
    return intent


def authenticated(world: World, intent: Object, *, success: bool) -> Object:
    """The card's owner passed or failed in the bank's frame."""
    if intent["status"] != "requires_action":
        raise invalid("There is nothing to authenticate.", code="payment_intent_unexpected_state")
    method = world.store.get("payment_method", intent["payment_method"])
    if success:
        attempt(world, intent, method, off_session=False, passed=True)
    else:
        _fail(
            world,
            intent,
            AUTHENTICATION,
            "payment_intent_authentication_failure",
            "invalid_request_error",
            None,
        )
    invoicing.follow(world, intent)
    return intent


KNOWN = "amount currency customer payment_method confirm off_session metadata description"


@route("POST", "/v1/payment_intents", "PaymentIntentCreateParams", KNOWN)
def create(world: World, given: dict[str, Any]) -> Object:
    intent = make(
        world, given["amount"], given["currency"], given.get("customer"), metadata=given.get("metadata") or {}
    )
    if not given.get("confirm"):
        return intent
    return confirm(
        world, intent, named(world, given["payment_method"]), off_session=given.get("off_session") is True
    )


@route("GET", "/v1/payment_intents", "PaymentIntentListParams", "customer")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("payment_intent")
    return [each for each in found if given.get("customer") in {None, each["customer"]}]


@route("GET", "/v1/payment_intents/{intent}", "PaymentIntentRetrieveParams", "client_secret")
def retrieve(world: World, given: dict[str, Any], intent: str) -> Object:  # noqa: ARG001
    return world.store.get("payment_intent", intent)


@route(
    "POST",
    "/v1/payment_intents/{intent}/confirm",
    "PaymentIntentConfirmParams",
    "payment_method off_session return_url",
)
def confirm_one(world: World, given: dict[str, Any], intent: str) -> Object:
    method = given.get("payment_method")
    there = world.store.get("payment_intent", intent)
    return confirm(
        world, there, named(world, method) if method else None, off_session=given.get("off_session") is True
    )


@route("POST", "/v1/payment_intents/{intent}/cancel", "PaymentIntentCancelParams", "cancellation_reason")
def cancel(world: World, given: dict[str, Any], intent: str) -> Object:
    if world.hidden(intent).get("invoice"):
        raise invalid("You cannot cancel a PaymentIntent of an invoice. Void the invoice instead.")
    there = world.store.get("payment_intent", intent)
    over = {"status": "canceled", "canceled_at": world.now(there)}
    return world.update("payment_intent", there, {**over, **given}, "payment_intent.canceled")


# Charges, refunds and disputes


@route("GET", "/v1/charges", "ChargeListParams", "customer payment_intent")
def charges(world: World, given: dict[str, Any]) -> list[Object]:
    fields = ("customer", "payment_intent")
    found = world.store.all("charge")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


@route("GET", "/v1/charges/{charge}", "ChargeRetrieveParams")
def charge(world: World, given: dict[str, Any], charge: str) -> Object:  # noqa: ARG001
    return world.store.get("charge", charge)


@route("POST", "/v1/refunds", "RefundCreateParams", "charge payment_intent amount reason metadata")
def refund(world: World, given: dict[str, Any]) -> Object:
    intent = world.store.find("payment_intent", given.get("payment_intent"))
    of = world.store.get("charge", given.get("charge") or (intent or {}).get("latest_charge") or "", "charge")
    left = of["amount_captured"] - of["amount_refunded"]
    amount = given.get("amount", left)
    if not left:
        raise Refused(400, f"Charge {of['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than charge amount ({left}).", "amount")
    made = new(
        "refund",
        id=new_id("re"),
        amount=amount,
        charge=of["id"],
        created=world.now(of),
        currency=of["currency"],
        customer=of["customer"],
        metadata=given.get("metadata") or {},
        payment_intent=of["payment_intent"],
        payment_method=of["payment_method"],
        reason=given.get("reason"),
        status="succeeded",
    )
    world.store.put("refund", made)
    refunded = of["amount_refunded"] + amount
    world.update("charge", of, {"amount_refunded": refunded, "refunded": refunded == of["amount_captured"]})
    world.emit("refund.created", made)
    world.emit("charge.refunded", of)
    return made


def dispute(world: World, charge: Object, reason: str) -> Object:
    example = examples()["dispute"]
    made = new(
        "dispute",
        id=new_id("dp"),
        amount=charge["amount"],
        charge=charge["id"],
        created=world.now(charge),
        currency=charge["currency"],
        evidence=example["evidence"],
        evidence_details=example["evidence_details"],
        is_charge_refundable=False,
        payment_intent=charge["payment_intent"],
        payment_method_details=example["payment_method_details"],
        reason=reason,
        status="needs_response",
    )
    world.store.put("dispute", made)
    world.hide(made["id"], customer=charge["customer"])
    world.update("charge", charge, {"disputed": True})
    world.emit("charge.dispute.created", made)
    return made


@route("GET", "/v1/disputes", "DisputeListParams", "charge payment_intent")
def disputes(world: World, given: dict[str, Any]) -> list[Object]:
    fields = ("charge", "payment_intent")
    found = world.store.all("dispute")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]
