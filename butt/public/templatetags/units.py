from collections.abc import Callable

from django import template

from butt.billing.money import shown
from butt.figures import units

register = template.Library()
UNKNOWN = "not known yet"


def _known(say: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: UNKNOWN if value is None else say(value)


register.filter("money", shown)
register.filter("size", _known(units.size))
register.filter("duration", _known(units.duration))
register.filter("number", _known(units.number))
