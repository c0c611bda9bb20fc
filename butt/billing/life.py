"""The whole life of a subscription at Stripe, on a test clock: does Stripe still do what we rely on? No money moves.

`butt doctor --billing stripe` runs it at Stripe itself, with test keys; the tests run it at the stand-in.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from butt.billing.calls import NoCustomer, answers
from butt.billing.gateway import StripeGateway
from butt.billing.interface import BadCard, NoAnswer
from butt.billing.seen import Subscription
from butt.configuration import Configuration
from butt.trouble import Finding

HOURS = 2 * 3600
"""From the end of a period until its invoice is final and was charged."""

LONGEST, PAUSE = 180.0, 1.0
"""Seconds that Stripe may take to advance a month, and between two checks of that."""

GOOD, FAILS = "pm_card_visa", "pm_card_chargeCustomerFail"
MEND = "Do not take payments until this is resolved. Report it to the developers with Stripe's API version and this line."


class Other(Exception):
    """Stripe did something other than what we rely on."""


def life(settings: Configuration) -> Iterator[Finding]:
    secret = settings.stripe_secret_key.get_secret_value()
    if not (settings.is_pretended or secret.startswith(("sk_test_", "rk_test_"))):
        yield Finding("This needs a test key.", "Set BUTT_STRIPE_SECRET_KEY to a test key.")
        return
    found = Life(settings)
    try:
        for step in (
            found.begins,
            found.has_a_bot_more,
            found.has_a_month,
            found.cannot_pay,
            found.pays_again,
            found.ends_and_goes_on,
            found.is_over,
        ):
            yield Finding(step())
    except Other as other:
        yield Finding(f"Stripe does not behave as this service expects: {other}", MEND)
    except (BadCard, NoAnswer, NoCustomer) as trouble:
        yield Finding(f"Stripe could not be called: {trouble or type(trouble).__name__}", "Try again.")
    finally:
        found.forget()


class Life:
    def __init__(self, settings: Configuration) -> None:
        self._mark = f"doctor {uuid.uuid4()}"
        self._settings, self._clock = settings, ""
        self._gateway = StripeGateway(settings)
        self._customer = ""

    def begins(self) -> str:
        with answers():
            wanted: Any = {"frozen_time": int(time.time()), "name": self._mark}
            self._clock = self._gateway.client.test_helpers.test_clocks.create(wanted).id
        self._gateway = StripeGateway(self._settings, clock=self._clock)
        self._customer = self._gateway.new_customer("doctor@example.com", self._mark)
        if self._settings.tax == "stripe":
            with answers():
                self._gateway.client.customers.update(self._customer, {"address": {"country": "DE"}})
        self._card(GOOD)
        self._gateway.subscribe(self._customer, self._mark, 1, self._mark)
        self._must("active", quantity=1)
        return "A card is entered, and the first month is charged."

    def has_a_bot_more(self) -> str:
        self._gateway.change_quantity(self._now(), 2)
        self._must("active", quantity=2)
        upcoming = self._gateway.invoices.upcoming(self._now().id)
        if upcoming is None or upcoming.amount < 2 * self._settings.price:
            raise Other(f"its next invoice is for {upcoming.amount if upcoming else 'nothing'}")
        return "A second bot is paid for from now on, and Stripe shows what it is going to charge."

    def has_a_month(self) -> str:
        self._passes()
        self._must("active", quantity=2)
        paid = [each for each in self._gateway.invoices.of(self._customer) if each.status == "paid"]
        if len(paid) != 2 or not all(each.url for each in paid):  # noqa: PLR2004
            raise Other(f"after a month {len(paid)} invoices are paid, and can be downloaded")
        return "A month later it is charged again, and each invoice can be downloaded."

    def cannot_pay(self) -> str:
        self._card(FAILS)
        self._passes()
        self._must("past_due", quantity=2)
        debt = self._gateway.invoices.debt(self._now())
        if debt is None or not debt.trouble:
            raise Other("the refused payment is not due")
        return f"A card that is refused leaves a debt, with its reason: {debt.trouble}"

    def pays_again(self) -> str:
        self._card(GOOD)
        self._gateway.invoices.pay(self._now())
        self._must("active", quantity=2)
        return "Another card pays it."

    def ends_and_goes_on(self) -> str:
        for ends in (True, False):
            self._gateway.end_with_period(self._now(), ends=ends)
            if self._now().ends is not ends:
                raise Other("cancelling at the end of the period, or undoing that, does not work")
        return "Cancelling at the end of the month can be undone."

    def is_over(self) -> str:
        over = self._now()
        self._gateway.end_now(over)
        self._gateway.settling.settle(self._customer, over.id, by_us=True)
        with answers():
            balance = self._gateway.client.customers.retrieve(self._customer).balance or 0
        if self._gateway.look(self._customer, self._mark).subscriptions or balance >= 0:
            raise Other(f"it has not ended, or the remaining days are not credited: the balance is {balance}")
        return "If it is ended at once, the remaining days are credited."

    def forget(self) -> None:
        """Delete the clock, and with it the customer."""
        if self._clock:
            with answers(missing_is_fine=True):
                self._gateway.client.test_helpers.test_clocks.delete(self._clock)

    def _card(self, method: str) -> None:
        """What a browser would do."""
        setup = self._gateway.new_setup(self._customer).partition("_secret_")[0]
        wanted: Any = {"payment_method": method, "return_url": f"{self._settings.public_url}/billing"}
        with answers():
            self._gateway.client.setup_intents.confirm(setup, wanted)
        self._gateway.charge_with_card_of(setup, self._customer)

    def _now(self) -> Subscription:
        subscriptions = self._gateway.look(self._customer, self._mark).subscriptions
        if len(subscriptions) != 1:
            raise Other(f"there are {len(subscriptions)} subscriptions that have not ended")
        return subscriptions[0]

    def _must(self, status: str, *, quantity: int) -> None:
        subscriptions = self._now()
        if (subscriptions.status, subscriptions.quantity) != (status, quantity):
            raise Other(
                f"it is {subscriptions.status} with {subscriptions.quantity} bots, and not {status} with {quantity}"
            )

    def _passes(self) -> None:
        """Advance by a month."""
        clocks = self._gateway.client.test_helpers.test_clocks
        until: Any = {"frozen_time": int(self._now().period_end.timestamp()) + HOURS}
        with answers():
            clocks.advance(self._clock, until)
            ends = time.monotonic() + LONGEST
            while clocks.retrieve(self._clock).status == "advancing":
                if time.monotonic() > ends:
                    raise Other("its test clock did not advance by a month")
                time.sleep(PAUSE)
