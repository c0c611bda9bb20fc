"""The billing that `BUTT_BILLING` names, found among the entry points of `butt.billings`."""

import functools
from importlib.metadata import EntryPoint, entry_points

from butt.billing.interface import Billing
from butt.configuration import configuration

GROUP = "butt.billings"
BUILT_IN = {"free": "butt.billing.free:Free", "stripe": "butt.billing.subscriptions:Subscriptions"}
"""Ours are found also where the package was installed before they came."""


class UnknownBilling(Exception):
    """There is no billing of that name; its text says which there are."""


def offered() -> dict[str, EntryPoint]:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    return found | {name: EntryPoint(name, place, GROUP) for name, place in BUILT_IN.items()}


@functools.cache
def billing() -> Billing:
    """Raises `UnknownBilling`."""
    name, there = configuration().billing, offered()
    if name not in there:
        raise UnknownBilling(f"There is no billing “{name}”; there is {', '.join(sorted(there))}.")
    made: Billing = there[name].load()()
    return made
