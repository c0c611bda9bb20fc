"""The billing worker: runs rounds for as long as the service does, beside the steward's."""

import logging

from django.utils import timezone

from butt.billing.chosen import billing
from butt.rounds import GoOn, rounds

log = logging.getLogger("butt.billing")

TICK = 1.0
AFTER_TROUBLE = 5.0


def run(go_on: GoOn) -> None:
    def work() -> float:
        billing().round(timezone.now())
        return TICK

    rounds(work, go_on, log, AFTER_TROUBLE)
