import pytest

from butt.billing.money import locale_of, localised, shown


@pytest.mark.parametrize(
    ("accepted", "amount", "currency", "said"),
    [
        ("en-US,en;q=0.9", 500, "usd", "$5.00"),
        ("en-NZ", 500, "nzd", "$5.00"),
        ("en-NZ", 500, "usd", "US$5.00"),
        ("de-DE,de;q=0.9", 123456, "eur", "1.234,56\xa0€"),
        ("fr", 750, "jpy", "750\xa0JPY"),
        ("ja", 750, "jpy", "￥750"),
        ("tlh,nl;q=0.5", -500, "eur", "€\xa0-5,00"),
        ("", 500, "eur", "€5.00"),
        ("../../etc/passwd", 500, "eur", "€5.00"),
        ("," * 100_000, 500, "eur", "€5.00"),
    ],
)
def test_amounts_are_formatted_for_the_readers_locale(accepted: str, amount: int, currency: str, said: str):
    assert localised(amount, currency, locale_of(accepted)) == said


def test_without_a_locale_the_currency_code_is_shown():
    assert (shown(500, "eur"), shown(750, "jpy")) == ("5.00 EUR", "750 JPY")
