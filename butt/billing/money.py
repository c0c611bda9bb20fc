"""How amounts of money, in the smallest unit of a currency, are shown."""

from decimal import Decimal

from babel import Locale, negotiate_locale
from babel.numbers import format_currency

WHOLE = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
"""Currencies that Stripe counts without a smaller unit: docs.stripe.com/currencies."""

LOCALES = (
    "en en_US en_GB en_NZ en_AU en_CA en_IE en_IN en_ZA de de_AT de_CH fr fr_BE fr_CA fr_CH nl nl_BE es es_MX es_AR pt pt_BR "
    "it it_CH da nb nn sv fi is pl cs sk hu ro el bg hr sl et lv lt uk ru tr he ar hi ja ko zh zh_TW ca eu mi"
).split()
"""A reader's locale is one of these: each one takes memory for good, and readers choose which."""

LONGEST = 200
"""How many characters of an `Accept-Language` header are read."""


def smallest(currency: str) -> int:
    """How many of its smallest units make one of a currency."""
    return 1 if currency.lower() in WHOLE else 100


def shown(amount: int, currency: str) -> str:
    """As `5.00 USD` or `750 JPY`, for when the reader's locale is not known."""
    if currency.lower() in WHOLE:
        return f"{amount} {currency.upper()}"
    return f"{amount / 100:.2f} {currency.upper()}"


def localised(amount: int, currency: str, locale: Locale) -> str:
    """As its readers write it: `$5.00`, `5,00 $`, `NZ$5.00`, `￥750`."""
    return format_currency(Decimal(amount) / smallest(currency), currency.upper(), locale=locale)


def locale_of(accepted: str) -> Locale:
    """The first known locale of those that a browser accepts; English if none is known."""
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accepted[:LONGEST].split(",")]
    return Locale.parse(negotiate_locale(wanted, LOCALES) or "en")
