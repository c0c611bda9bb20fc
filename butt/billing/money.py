"""Amounts of money, in the smallest unit of a currency, as they are shown."""

WHOLE = frozenset(
    {
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    }
)
"""Currencies that Stripe counts without a smaller unit: docs.stripe.com/currencies."""


def smallest(currency: str) -> int:
    """How many of its smallest unit a currency has."""
    return 1 if currency.lower() in WHOLE else 100


def shown(amount: int, currency: str) -> str:
    """As `5.00 USD`, or `750 JPY`."""
    if currency.lower() in WHOLE:
        return f"{amount} {currency.upper()}"
    return f"{amount / 100:.2f} {currency.upper()}"
