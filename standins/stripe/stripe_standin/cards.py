"""Stripe's published test cards and test bank accounts, and what the bank behind each of them answers.

From docs.stripe.com/testing, November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Decline:
    decline_code: str
    message: str
    code: str = "card_declined"


GENERIC = Decline("generic_decline", "Your card was declined.")
EMPTY = Decline("insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("lost_card", "Your card was declined.")
STOLEN = Decline("stolen_card", "Your card was declined.")
VELOCITY = Decline(
    "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently."
)
EXPIRED = Decline("expired_card", "Your card has expired.", "expired_card")
CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc")
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "processing_error",
)


@dataclass(frozen=True)
class Card:
    """`setup` and `charge` say why it is refused then. `asks` is when its bank wants the owner to
    authenticate.

    "never"; "always"; "unless_set_up": on-session always, off-session unless it was set up; "on_session":
    off-session never.
    """

    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    setup: Decline | None = None
    charge: Decline | None = None
    asks: str = "never"
    dispute: str = ""


def _refused(decline: Decline) -> Card:
    return Card(setup=decline, charge=decline)


CARDS = {
    "4242424242424242": Card(),
    "4000056655665556": Card(funding="debit"),
    "5555555555554444": Card("mastercard"),
    "2223003122003222": Card("mastercard"),
    "5200828282828210": Card("mastercard", funding="debit"),
    "378282246310005": Card("amex"),
    "6011111111111117": Card("discover"),
    "3056930009020004": Card("diners"),
    "3566002020360505": Card("jcb"),
    "6200000000000005": Card("unionpay"),
    "4000002760000016": Card(country="DE"),
    "4000002500000003": Card(country="FR"),
    "4000005540000008": Card(country="NZ"),
    "4000000000000002": _refused(GENERIC),
    "4000000000009995": _refused(EMPTY),
    "4000000000009987": _refused(LOST),
    "4000000000009979": _refused(STOLEN),
    "4000000000000069": _refused(EXPIRED),
    "4000000000000127": _refused(CVC),
    "4000000000000119": _refused(PROCESSING),
    "4000000000006975": _refused(VELOCITY),
    "4000000000000341": Card(charge=GENERIC),
    "4000002500003155": Card(asks="unless_set_up"),
    "4000002760003184": Card(asks="always"),
    "4000003800000446": Card(asks="on_session"),
    "4000008260003178": Card(asks="always", charge=EMPTY),
    "4000000000003220": Card(asks="unless_set_up"),
    "4000008400001629": Card(asks="always", setup=GENERIC, charge=GENERIC),
    "4000000000003055": Card(),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
}

NAMED = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_createDispute": "4000000000000259",
}
"""Payment methods that a test can name instead of sending a card's number."""


@dataclass(frozen=True)
class Account:
    """A bank account that is debited: `fails` is why the debit fails later, or `None`."""

    country: str
    fails: Decline | None = field(default=None)


_RETURNED = Decline(
    "generic_decline", "The customer's bank account could not be debited.", "payment_method_not_available"
)
IBANS = {
    "AT611904300234573201": Account("AT"),
    "DE89370400440532013000": Account("DE"),
    "FR1420041010050500013M02606": Account("FR"),
    "AT861904300235473202": Account("AT", _RETURNED),
    "DE62370400440532013001": Account("DE", _RETURNED),
}
