"""The worker of billing: rounds without end, beside the steward's."""

import logging
import time
from collections.abc import Callable

from django.db import close_old_connections
from django.utils import timezone

from butt.billing.chosen import billing

log = logging.getLogger("butt.billing")

TICK = 1.0
AFTER_TROUBLE = 5.0


def run(go_on: Callable[[], bool]) -> None:
    while go_on():
        try:
            close_old_connections()
            billing().round(timezone.now())
            time.sleep(TICK)
        except Exception:
            log.exception("this round did not end well; trying again")
            time.sleep(AFTER_TROUBLE)
