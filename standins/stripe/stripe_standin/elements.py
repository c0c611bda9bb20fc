"""What the script in the browser calls: Stripe does not document its own calls, so these are ours."""

from __future__ import annotations

from typing import Any

from stripe_standin import methods, payments, setups
from stripe_standin.errors import Refused, invalid
from stripe_standin.store import Object
from stripe_standin.world import World

SHOWN = ("id", "object", "status", "client_secret", "payment_method", "next_action", "amount", "currency")


def answer(world: World, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """Raises `Refused`."""
    if not str(given.get("key", "")).startswith("pk_test_"):
        raise Refused(401, "Invalid API Key provided.")
    what = path.removeprefix("/elements/")
    if what == "look":
        return _shown(_intent(world, given["client_secret"]))
    if what == "method":
        return {"id": methods.make(world, _entered(given))["id"]}
    if what == "confirm":
        return _shown(_confirm(world, _intent(world, given["client_secret"]), given.get("payment_method")))
    if what == "authenticate":
        return _shown(authenticate(world, given["client_secret"], success=given.get("success") == "true"))
    raise Refused(404, f"There is no {path}.")


def _entered(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("type") == "sepa_debit":
        details = {"name": given.get("name") or None, "email": given.get("email") or None}
        return {
            "type": "sepa_debit",
            "sepa_debit": {"iban": given.get("iban", "")},
            "billing_details": details,
        }
    month, _, year = str(given.get("expiry", "")).replace(" ", "").partition("/")
    if not (month.isdecimal() and year.isdecimal()):
        raise invalid("Your card's expiration date is incomplete.", code="incomplete_expiry")
    card = {"number": given.get("number", ""), "exp_month": month, "exp_year": year}
    return {"type": "card", "card": card, "billing_details": {"address": {"country": given.get("country")}}}


def _intent(world: World, secret: str) -> Object:
    kind = {"seti": "setup_intent", "pi": "payment_intent"}.get(secret.partition("_")[0], "")
    found = world.store.find(kind, secret.partition("_secret_")[0])
    if found is None or found["client_secret"] != secret:
        raise invalid("No such intent, or its secret is another.", "client_secret", "resource_missing")
    return found


def _confirm(world: World, intent: Object, method: str | None) -> Object:
    there = world.store.get("payment_method", method, "payment_method") if method else None
    if there is None and intent["status"] == "requires_action":
        return intent
    if intent["object"] == "setup_intent":
        return setups.confirm(world, intent, there)
    if there and intent["customer"]:
        methods.attach(world, there, intent["customer"])
    return payments.confirm(world, intent, there, off_session=False)


def authenticate(world: World, secret: str, *, success: bool) -> Object:
    intent = _intent(world, secret)
    part = setups if intent["object"] == "setup_intent" else payments
    return part.authenticated(world, intent, success=success)


def entered(world: World, secret: str, number: str, *, passes: bool) -> Object:
    """A card is entered for this intent, and its owner passes if the bank asks."""
    kind = {"type": "sepa_debit", "sepa_debit": {"iban": number}} if number[:2].isalpha() else None
    year = world.now() // 31_557_600 + 1970 + 4
    made = methods.make(
        world, kind or {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": year}}
    )
    intent = _confirm(world, _intent(world, secret), made["id"])
    return authenticate(world, secret, success=passes) if intent["status"] == "requires_action" else intent


def _shown(intent: Object) -> dict[str, Any]:
    shown = {name: intent[name] for name in SHOWN if name in intent}
    error = "last_setup_error" if intent["object"] == "setup_intent" else "last_payment_error"
    return {**shown, error: intent[error], "payment_method_types": intent["payment_method_types"]}
