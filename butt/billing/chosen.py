"""The billing that `BUTT_BILLING` names."""

import functools

from butt.billing.interface import Billing
from butt.configuration import configuration
from butt.parts import BILLINGS, part_named


@functools.cache
def billing() -> Billing:
    """Raises `UnknownPart`."""
    made: Billing = part_named(BILLINGS, configuration().billing).load()()
    return made
