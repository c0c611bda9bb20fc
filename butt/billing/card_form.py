"""What a browser needs to enter a card or confirm a payment, and which origins its page must allow for that."""

from butt.billing.interface import CardForm
from butt.configuration import Configuration

STRIPE = "https://js.stripe.com"
STRIPE_SOURCES = {
    "script-src": ["'self'", STRIPE, "https://*.js.stripe.com"],
    "connect-src": ["'self'", "https://api.stripe.com"],
    "frame-src": [STRIPE, "https://*.js.stripe.com", "https://hooks.stripe.com"],
}
"""According to docs.stripe.com/security/guide, "Content Security Policy" (November 2026)."""


def form_of(key: str, settings: Configuration, secret: str, trouble: str = "") -> CardForm:
    """`key` is the publishable one; `secret` belongs to a setup or a payment, and is empty if there is `trouble`."""
    if settings.is_pretended:
        stand_in = settings.stand_in_url
        sources = {name: ["'self'", stand_in] for name in ("script-src", "connect-src", "frame-src")}
        return CardForm(f"{stand_in}/v3/", key, secret, sources, trouble)
    return CardForm(f"{STRIPE}/v3/", key, secret, STRIPE_SOURCES, trouble)
