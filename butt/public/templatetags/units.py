from collections.abc import Callable, Mapping
from typing import Any

from django import template

from butt.billing.money import locale_of, localised
from butt.figures import units

register = template.Library()
UNKNOWN = "not known yet"


def _known(say: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: UNKNOWN if value is None else say(value)


@register.simple_tag(takes_context=True)
def money(context: Mapping[str, Any], amount: int, currency: str) -> str:
    """An amount in the reader's locale."""
    request = context.get("request")
    return localised(
        amount, currency, locale_of(request.headers.get("Accept-Language", "") if request else "")
    )


register.filter("size", _known(units.size))
register.filter("duration", _known(units.duration))
register.filter("number", _known(units.number))
