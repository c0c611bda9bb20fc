from collections.abc import Callable

from django import template

from butt.figures import units

register = template.Library()
UNKNOWN = "not known yet"


def _known(say: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: UNKNOWN if value is None else say(value)


_CENTS = 100


@register.filter
def usd(cents: int) -> str:
    return f"{cents / _CENTS:,.2f} USD"


register.filter("size", _known(units.size))
register.filter("duration", _known(units.duration))
register.filter("number", _known(units.number))
