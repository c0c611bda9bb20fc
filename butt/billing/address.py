"""Whom an invoice is addressed to, as Stripe keeps it: name, address and tax number. We store none of it."""

from dataclasses import dataclass, fields

from babel import Locale

EUROPEAN_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
KINDS = {
    **dict.fromkeys(EUROPEAN_UNION, "eu_vat"),
    "AU": "au_abn",
    "CA": "ca_gst_hst",
    "CH": "ch_vat",
    "GB": "gb_vat",
    "IN": "in_gst",
    "IS": "is_vat",
    "JP": "jp_trn",
    "KR": "kr_brn",
    "MX": "mx_rfc",
    "NO": "no_vat",
    "NZ": "nz_gst",
    "SG": "sg_gst",
    "US": "us_ein",
    "ZA": "za_vat",
}
"""By country: Stripe's name for a company's tax number there. From docs.stripe.com/billing/customer/tax-ids, November 2026."""

NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())
"""Codes of territories that are not countries to Stripe."""

LONGEST = 120
"""Characters per field."""


class BadAddress(Exception):
    """An address that no invoice can be addressed to; the text says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


@dataclass(frozen=True)
class InvoiceAddress:
    """`country` is its two-letter code."""

    name: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    tax_number: str = ""

    @property
    def kind(self) -> str:
        """Stripe's name for this kind of tax number."""
        return KINDS.get(self.country, "")


FIELDS = tuple(each.name for each in fields(InvoiceAddress))


def countries(locale: Locale) -> list[tuple[str, str]]:
    """Codes and names, sorted by name."""
    named = (
        (code, name)
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES  # noqa: PLR2004
    )
    return sorted(named, key=lambda each: each[1])


def checked(given: InvoiceAddress) -> InvoiceAddress:
    """The address as it is sent to Stripe. Raises `BadAddress`."""
    for name in FIELDS:
        if len(getattr(given, name)) > LONGEST:
            raise BadAddress(name, f"This is longer than {LONGEST} characters.")
    if given.country not in dict(countries(Locale("en"))):
        raise BadAddress("country", "Please choose a country.")
    number = "".join(given.tax_number.upper().split())
    if number and not given.kind:
        raise BadAddress(
            "tax_number",
            "We cannot accept tax numbers from this country yet. Please leave it empty and write to us.",
        )
    # Greek tax numbers begin with EL.
    prefix = "EL" if given.country == "GR" else given.country
    if number and given.kind == "eu_vat" and not number.startswith(prefix):
        number = prefix + number
    return InvoiceAddress(**{**{name: getattr(given, name).strip() for name in FIELDS}, "tax_number": number})
