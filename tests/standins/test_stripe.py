"""The stand-in for Stripe, called through Stripe's own SDK: a year of subscriptions on a test clock, and
everything that goes wrong.
"""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from stripe_standin import Server, StandIn
from stripe_standin.routes import ROUTES
from stripe_standin.shapes import differences, examples, new
from stripe_standin.typed import _params, checked

from tests.billing.bank import ALWAYS, DECLINED, EMPTY, GOOD, SECURE, Bank, quantity_of

DAY, MONTH = 86_400, 31 * 86_400


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    stripe_ = StandIn(checks=True)
    with Server(stripe_) as there:
        yield there
    assert stripe_.wrong == []


@pytest.fixture
def bank(server: Server) -> Iterator[Bank]:
    there = Bank(server.url)
    yield there
    there.steer("calm")


@pytest.fixture
def price(bank: Bank) -> str:
    wanted: Any = {
        "currency": "usd",
        "unit_amount": 500,
        "recurring": {"interval": "month"},
        "product_data": {"name": "A bot"},
    }
    return bank.v1.prices.create(wanted).id


def customer(bank: Bank, number: str = GOOD, **more: Any) -> str:
    """On a test clock of their own, with a card."""
    made = bank.v1.customers.create({"email": "a@example.org", "test_clock": bank.new_clock(), **more}).id
    setup = bank.v1.setup_intents.create({"customer": made, "usage": "off_session"})
    bank.confirm(number, setup.client_secret or "")
    method: Any = bank.v1.setup_intents.retrieve(setup.id).payment_method
    bank.v1.customers.update(made, {"invoice_settings": {"default_payment_method": method}})
    return made


def subscribes(bank: Bank, who: str, price: str, quantity: int = 1, **more: Any) -> Any:
    wanted: Any = {
        "customer": who,
        "items": [{"price": price, "quantity": quantity}],
        "off_session": True,
        **more,
    }
    return bank.v1.subscriptions.create(wanted).to_dict()


def seen(bank: Bank, subscription: Any) -> Any:
    return bank.v1.subscriptions.retrieve(subscription["id"]).to_dict()


def invoices(bank: Bank, subscription: Any) -> list[tuple[str, int]]:
    """The earliest first."""
    found = bank.all("invoices", subscription=subscription["id"])
    return [(each["status"], each["total"]) for each in found[::-1]]


def passes(bank: Bank, subscription: Any, seconds: int) -> None:
    clock = subscription["test_clock"]
    bank.steer(
        "advance", clock=clock, to=bank.v1.test_helpers.test_clocks.retrieve(clock).frozen_time + seconds
    )


def test_every_route_has_the_sdks_typed_parameters_and_no_others():
    for route in ROUTES:
        names = _params(route.params).__annotations__
        assert route.known <= names.keys(), f"{route.method} {route.pattern.pattern}"


@pytest.mark.parametrize(
    ("params", "said", "param"),
    [
        ("CustomerCreateParams", {"emial": "a"}, "emial"),
        ("SubscriptionCreateParams", {"items": [{"prise": "p"}]}, "items[0][prise]"),
        ("SubscriptionUpdateParams", {"proration_behavior": "perhaps"}, "proration_behavior"),
        ("SubscriptionUpdateParams", {"cancel_at_period_end": "maybe"}, "cancel_at_period_end"),
        ("SetupIntentCreateParams", {"payment_method_types": ["card"]}, "payment_method_types"),
        ("PriceCreateParams", {"unit_amount": "5"}, "currency"),
    ],
)
def test_parameters_outside_the_sdks_types_are_refused(params: str, said: dict[str, Any], param: str):
    from stripe_standin.errors import Refused

    with pytest.raises(Refused) as refused:
        checked(params, said)
    assert (refused.value.status, refused.value.more["param"]) == (400, param)


def test_an_answer_of_another_shape_is_noticed():
    there = new("customer", id="cus_1", created=1)
    assert differences(there) == []
    assert differences({**there, "surname": "B"}) == ["customer has surname, which no example has"]
    lacking = {name: value for name, value in there.items() if name != "balance"}
    assert differences(lacking) == ["customer lacks balance"]
    assert differences({**there, "balance": "5"}) == ["customer.balance: '5' is not like 0"]
    with pytest.raises(KeyError):
        new("customer", surname="B")
    assert len(examples()) > 20


def test_a_month_costs_its_price_and_a_changed_quantity_is_settled_by_the_day(bank: Bank, price: str):
    there = subscribes(bank, customer(bank), price, 2)
    assert there["status"] == "active"
    passes(bank, there, 10 * DAY)
    item = there["items"]["data"][0]
    length = item["current_period_end"] - item["current_period_start"]
    bank.v1.subscriptions.update(there["id"], {"items": [{"id": item["id"], "quantity": 3}]})
    expected = round(500 * (1 - 10 * DAY / length))
    preview = bank.v1.invoices.create_preview({"subscription": there["id"]})
    assert abs(preview.total - 1500 - expected) <= 1
    bank.month_ends(seen(bank, there))
    assert invoices(bank, there) == [("paid", 1000), ("paid", preview.total)]


def test_ending_at_once_credits_only_if_an_invoice_is_asked_for(bank: Bank, price: str):
    for wanted, balance in (({"prorate": True}, 0), ({"prorate": True, "invoice_now": True}, -500)):
        who = customer(bank)
        there = subscribes(bank, who, price)
        bank.v1.subscriptions.cancel(there["id"], wanted)  # type: ignore[arg-type]
        assert bank.v1.customers.retrieve(who).balance == balance
    again = subscribes(bank, who, price)
    assert (again["status"], bank.v1.customers.retrieve(who).balance) == ("active", 0)
    assert bank.v1.invoices.retrieve(again["latest_invoice"]).amount_due == 0


def test_a_card_that_was_set_up_asks_again_only_on_session(bank: Bank, price: str):
    who = customer(bank, SECURE)
    assert subscribes(bank, who, price)["status"] == "active"
    assert subscribes(bank, who, price, off_session=False)["status"] == "incomplete"


def test_an_incomplete_subscription_accepts_no_change_and_expires_after_a_day(bank: Bank, price: str):
    there = subscribes(bank, customer(bank, EMPTY), price)
    assert there["status"] == "incomplete"
    with pytest.raises(stripe.InvalidRequestError):
        bank.v1.subscriptions.update(there["id"], {"cancel_at_period_end": True})
    bank.v1.subscriptions.update(there["id"], {"metadata": {"a": "b"}})
    passes(bank, there, DAY)
    assert seen(bank, there)["status"] == "incomplete_expired"
    assert invoices(bank, there) == [("void", 500)]


@pytest.mark.parametrize("after", ["cancel", "unpaid", "past_due"])
def test_a_failed_renewal_is_retried_and_ends_as_the_account_says(bank: Bank, price: str, after: str):
    bank.steer("settings", after_retries=after)
    there = subscribes(bank, customer(bank), price)
    bank.card_becomes(there["customer"], EMPTY)
    bank.month_ends(there)
    assert seen(bank, there)["status"] == "past_due"
    passes(bank, there, 16 * DAY)
    assert seen(bank, there)["status"] == {"cancel": "canceled"}.get(after, after)
    bank.steer("settings", after_retries="cancel")


def test_a_successful_retry_makes_it_active(bank: Bank, price: str):
    there = subscribes(bank, customer(bank), price)
    bank.refuses(there)
    assert seen(bank, there)["status"] == "past_due"
    passes(bank, there, 4 * DAY)
    assert seen(bank, there)["status"] == "active"


def test_metadata_stays_unless_it_is_emptied(bank: Bank, price: str):
    there = subscribes(bank, customer(bank), price, metadata={"one": "1", "two": "2"})
    bank.v1.subscriptions.update(there["id"], {"description": "Something"})
    assert seen(bank, there)["metadata"] == {"one": "1", "two": "2"}
    bank.v1.subscriptions.update(there["id"], {"metadata": {"one": ""}})
    assert seen(bank, there)["metadata"] == {"two": "2"}
    bank.v1.subscriptions.update(there["id"], {"metadata": ""})
    assert seen(bank, there)["metadata"] == {}


def test_a_manual_attempt_does_not_move_the_next_one(bank: Bank, price: str):
    there = subscribes(bank, customer(bank), price)
    bank.card_becomes(there["customer"], EMPTY)
    bank.month_ends(there)
    (before,) = bank.all("invoices", subscription=there["id"], status="open")
    for _ in range(4):
        with pytest.raises(stripe.CardError):
            bank.v1.invoices.pay(before["id"])
    (after,) = bank.all("invoices", subscription=there["id"], status="open")
    names = ("attempt_count", "next_payment_attempt")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert seen(bank, there)["status"] == "past_due"


def test_a_bank_that_asks_is_answered_in_the_browser(bank: Bank, price: str):
    there = subscribes(bank, customer(bank, ALWAYS), price, expand=["latest_invoice.confirmation_secret"])
    secret = there["latest_invoice"]["confirmation_secret"]["client_secret"]
    bank.authenticate(secret, success=False)
    assert seen(bank, there)["status"] == "incomplete"
    with pytest.raises(stripe.CardError) as asks:
        bank.v1.invoices.pay(there["latest_invoice"]["id"])
    assert asks.value.code == "invoice_payment_intent_requires_action"
    bank.authenticate(secret)
    assert seen(bank, there)["status"] == "active"


def test_a_year_of_months_ends_on_the_day_it_began(bank: Bank, price: str):
    there = subscribes(bank, customer(bank), price)
    began = there["items"]["data"][0]["current_period_start"]
    for _ in range(12):
        bank.month_ends(seen(bank, there))
    assert invoices(bank, there) == [("paid", 500)] * 13
    lived = seen(bank, there)["items"]["data"][0]["current_period_start"] - began
    assert lived in {365 * DAY, 366 * DAY}


def test_coupons_taxes_pauses_and_ends(bank: Bank, price: str):
    coupon = bank.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    rate = bank.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20}).id
    there = subscribes(bank, customer(bank), price, discounts=[{"coupon": coupon}], default_tax_rates=[rate])
    bank.month_ends(there)
    assert invoices(bank, there) == [("paid", 300), ("paid", 600)]
    bank.v1.subscriptions.update(there["id"], {"pause_collection": {"behavior": "void"}})
    bank.month_ends(seen(bank, there))
    assert invoices(bank, there)[-1] == ("void", 600)
    bank.v1.subscriptions.update(there["id"], {"pause_collection": "", "cancel_at_period_end": True})
    bank.month_ends(seen(bank, there))
    assert seen(bank, there)["status"] == "canceled"


def test_automatic_tax_needs_a_location(bank: Bank, price: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribes(bank, customer(bank), price, automatic_tax={"enabled": True})
    assert refused.value.code == "customer_tax_location_invalid"
    at_home = customer(bank, address={"country": "NZ"})
    there = subscribes(bank, at_home, price, automatic_tax={"enabled": True})
    assert invoices(bank, there) == [("paid", 575)]
    elsewhere = customer(
        bank, address={"country": "DE"}, tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}]
    )
    assert invoices(bank, subscribes(bank, elsewhere, price, automatic_tax={"enabled": True})) == [
        ("paid", 500)
    ]


def test_a_trial_ends_as_it_was_agreed_on(bank: Bank, price: str):
    for behavior, status in (("cancel", "canceled"), ("pause", "paused")):
        who = bank.v1.customers.create({"test_clock": bank.new_clock()}).id
        settings = {"end_behavior": {"missing_payment_method": behavior}}
        there = subscribes(bank, who, price, trial_period_days=7, trial_settings=settings)
        assert there["status"] == "trialing"
        passes(bank, there, 8 * DAY)
        assert seen(bank, there)["status"] == status


def test_a_key_is_answered_once_and_refused_for_other_parameters(bank: Bank):
    options: Any = {"idempotency_key": f"key-{time.time_ns()}"}
    first = bank.v1.customers.create({"email": "one@example.org"}, options)
    again = bank.v1.customers.create({"email": "one@example.org"}, options)
    assert (again.id, again.last_response.headers["Idempotent-Replayed"]) == (first.id, "true")  # type: ignore[union-attr]
    with pytest.raises(stripe.IdempotencyError):
        bank.v1.customers.create({"email": "two@example.org"}, options)


def test_an_answer_can_be_lost_before_or_after_the_effect(bank: Bank):
    def made() -> int:
        return len(bank.all("customers", email="lost@example.org"))

    for do, effect in (("drop", 0), ("drop_after", 1), ("500_after", 2), ("429", 2)):
        bank.steer("faults", rules=[{"method": "POST", "path": "/v1/customers", "do": do}])
        with pytest.raises(stripe.StripeError):
            bank.v1.customers.create({"email": "lost@example.org"})
        assert made() == effect
    bank.v1.customers.create({"email": "lost@example.org"})
    assert made() == 3


def test_declined_cards_and_deleted_customers_are_like_stripes(bank: Bank, price: str):
    with pytest.raises(OSError, match="402"):
        customer(bank, DECLINED)
    who = customer(bank)
    there = subscribes(bank, who, price)
    assert bank.v1.customers.delete(who).deleted
    assert bank.v1.customers.retrieve(who).deleted
    assert seen(bank, there)["status"] == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        subscribes(bank, who, price)


class Hears(http.server.BaseHTTPRequestHandler):
    heard: list[stripe.Event]

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(
            stripe.Webhook.construct_event(payload, self.headers["Stripe-Signature"], "whsec_a")
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_events_are_signed_and_may_arrive_twice_in_any_order_or_never(bank: Bank):
    Hears.heard = []
    hears = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hears)
    thread = threading.Thread(target=hears.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    number = bank.steer("endpoint", url=f"http://127.0.0.1:{hears.server_port}/", secret="whsec_a")["id"]
    try:
        bank.steer("webhooks", double=0.5, late=0.5, seed=3)
        made = [bank.v1.customers.create({"name": str(number)}).id for number in range(20)]
        deadline = time.monotonic() + 20
        while {event.data.object["id"] for event in Hears.heard} < set(made) and time.monotonic() < deadline:
            time.sleep(0.05)
        told = [event.data.object["id"] for event in Hears.heard]
        assert set(told) >= set(made)
        assert len(told) > len(set(told))
        assert told != sorted(told, key=made.index)
        bank.steer("webhooks", lose=1.0)
        lost = bank.v1.customers.create({"name": "lost"}).id
        (event,) = (each for each in bank.all("events") if each["data"]["object"]["id"] == lost)
        assert json.dumps(event["data"]["object"]["name"]) == '"lost"'
    finally:
        bank.v1.webhook_endpoints.delete(number)
        hears.shutdown()
        thread.join()
        hears.server_close()


def test_quantities_are_read_from_the_item(bank: Bank, price: str):
    assert quantity_of(subscribes(bank, customer(bank), price, 4)) == 4


def test_a_long_list_is_walked_in_either_direction(bank: Bank):
    made = [bank.v1.customers.create({"email": "many@example.org"}).id for _ in range(7)]
    forth = bank.v1.customers.list({"email": "many@example.org", "limit": 3}).auto_paging_iter()
    assert [each.id for each in forth] == made[::-1]
    newer: Any = {"email": "many@example.org", "limit": 3, "ending_before": made[0]}
    assert [each.id for each in bank.v1.customers.list(newer).auto_paging_iter()] == made[1:]
