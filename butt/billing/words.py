"""Why a card was refused, in words for people. Stripe's messages to developers go only to the log."""

from typing import Any

DECLINED = "Your bank declined the card. Ask your bank, or use another card."
CONFIRM = "Your bank wants you to confirm this payment."
WORDS = {
    "approve_with_id": "We could not reach your bank. Please try again in a few minutes.",
    "authentication_required": CONFIRM,
    "card_not_supported": "This card cannot be used for payments like this one. Please use another card.",
    "card_velocity_exceeded": "Your card was used too often in a short time. Please wait a day or use another card.",
    "currency_not_supported": "Your card cannot pay in this currency. Please use another card.",
    "expired_card": "Your card has expired. Please enter another card.",
    "incorrect_cvc": "The security code is wrong. Please enter the card again.",
    "incorrect_number": "The card number is wrong. Please enter the card again.",
    "insufficient_funds": "There is not enough money on the card. Please use another card, or try again later.",
    "invalid_bank_account_iban": "The IBAN is wrong. Please enter it again.",
    "invalid_cvc": "The security code is wrong. Please enter the card again.",
    "invalid_expiry_year": "The card's expiry date is wrong, or has passed.",
    "invoice_payment_intent_requires_action": CONFIRM,
    "issuer_not_available": "We could not reach your bank. Please try again in a few minutes.",
    "payment_intent_authentication_failure": "Your bank did not confirm that it was you. Please try again.",
    "processing_error": "We could not reach your bank. Please try again in a few minutes.",
    "setup_intent_authentication_failure": "Your bank did not confirm that it was you. Please try again.",
    "subscription_payment_intent_requires_action": CONFIRM,
    "try_again_later": "We could not reach your bank. Please try again in a few minutes.",
    "withdrawal_count_limit_exceeded": "Your card has reached its limit. Please use another card.",
}
"""By Stripe's code for the error, or for the decline. A lost or stolen card is only called declined, as Stripe demands."""


def reason(code: str | None, decline_code: str | None = None) -> str:
    return WORDS.get(decline_code or "") or WORDS.get(code or "") or DECLINED


def reason_of(error: Any) -> str:
    """For an intent's last error, or an exception of Stripe's SDK."""
    if isinstance(error, dict):
        return reason(error.get("code"), error.get("decline_code"))
    body = (getattr(error, "json_body", None) or {}).get("error", {})
    return reason(getattr(error, "code", None), body.get("decline_code"))
