"""The billing worker: runs rounds for as long as the service does, beside the steward's."""

import logging
import time

from django.apps import apps
from django.utils import timezone

from butt.agents.models import Agent, Belongs, Wanted
from butt.billing.chosen import billing
from butt.rounds import GoOn, rounds
from butt.waking.listening import listening

log = logging.getLogger("butt.billing")

SOONEST, SELDOM = 1.0, 5.0
"""Seconds between two rounds: `SELDOM` if nothing is written that a round depends on."""

AFTER_TROUBLE = 5.0


def run(go_on: GoOn) -> None:
    def work() -> float:
        billing().round(timezone.now())
        return SELDOM - SOONEST

    own = apps.get_app_config("billing").get_models()
    with listening(*own, Agent, Belongs, Wanted) as written:

        def rest(seconds: float) -> None:
            time.sleep(SOONEST)
            written.wait(seconds)

        rounds(work, go_on, log, AFTER_TROUBLE, rest)
