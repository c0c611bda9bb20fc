"""How Stripe is called: with a time limit, retries when it is too busy, and errors that the rest of billing knows."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import stripe

from butt.billing.interface import BadCard, NoAnswer
from butt.billing.leases import renew
from butt.billing.words import reason_of

log = logging.getLogger("butt.billing")

PATIENCE = 8
TOO_MANY, NOT_FOUND = 429, 404
WAITS = (0.5, 1.0, 2.0)
"""Seconds to wait when Stripe gets too many calls. After that the payer waits, for longer."""


Changing = Callable[[], AbstractContextManager[None]]
"""Wraps each call that changes something at Stripe."""


class NoCustomer(Exception):
    """Stripe does not know this customer: it was deleted there, or belongs to other keys."""


class StripeHttpClient(stripe.RequestsClient):
    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **more: Any
    ) -> Any:
        for wait in (*WAITS, None):
            renew()
            answer = super().request(method, url, headers, post_data, **more)
            if answer[1] != TOO_MANY or wait is None:
                break
            time.sleep(wait)
        return answer


@contextmanager
def answers(*, missing_is_fine: bool = False) -> Iterator[None]:
    """Raises `BadCard`, `NoCustomer` or `NoAnswer` for what Stripe's SDK raises."""
    try:
        yield
    except stripe.CardError as declined:
        log.info("Stripe declined: %s", declined.code)
        raise BadCard(reason_of(declined)) from declined
    except stripe.StripeError as error:
        if missing_is_fine and error.http_status == NOT_FOUND:
            return
        if _is_no_customer(error):
            raise NoCustomer from error
        if error.code == "customer_tax_location_invalid":
            raise BadCard(
                "We need your country to calculate the tax. Please enter your card again, with its country."
            ) from error
        log.warning(
            "Stripe: %s %s", type(error).__name__, error.user_message or error.code or error.http_status or ""
        )
        raise NoAnswer("Stripe does not answer. Please try again in a moment.") from error


def _is_no_customer(error: stripe.StripeError) -> bool:
    return error.code == "resource_missing" and "No such customer" in (error.user_message or "")
