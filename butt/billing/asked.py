"""What Stripe answers when asked whether it is set up for us: for `butt doctor`. Nothing is changed there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stripe

from butt.billing.calls import PATIENCE
from butt.billing.catalogue import Sold, bot_of, room_of
from butt.billing.money import shown
from butt.billing.seen import plain
from butt.configuration import Configuration

EVENTS = frozenset(
    {
        "charge.dispute.created",
        "charge.refunded",
        "customer.deleted",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
    }
)
"""The events that have an effect at once. Others are only seen once a day."""


@dataclass(frozen=True)
class StripeCheck:
    """What is true; `mend` says what to do about it, and is empty if all is well."""

    what: str
    mend: str = ""


def asked(settings: Configuration, url: str = "") -> Iterator[StripeCheck]:
    """`url` is where the API is, if not at Stripe."""
    keys = list(_keys(settings))
    yield from keys
    if any(each.mend for each in keys):
        return
    client = stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        base_addresses={"api": url} if url else {},
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=PATIENCE),
    ).v1
    try:
        account = plain(client.accounts.retrieve_current())
        yield _account(account)
        yield _price(client, settings, bot_of(settings))
        if settings.rooms_cost_their_own:
            yield _price(client, settings, room_of(settings))
        yield _endpoint(client, settings)
        if settings.tax == "stripe":
            yield _tax(client)
    except stripe.AuthenticationError:
        yield StripeCheck(
            "Stripe does not accept the secret key.", "Set BUTT_STRIPE_SECRET_KEY to your own key."
        )
    except stripe.PermissionError:
        yield StripeCheck(
            "Stripe does not let this key read the account's settings.",
            "Give the restricted key read permission for the account, prices, webhook endpoints and tax settings.",
        )
    except stripe.StripeError as error:
        yield StripeCheck(
            f"Stripe does not answer: {type(error).__name__}.",
            "Check that this machine can reach api.stripe.com, and try again.",
        )


def _keys(settings: Configuration) -> Iterator[StripeCheck]:
    secret = settings.stripe_secret_key.get_secret_value()
    modes = {key.split("_")[1] for key in (secret, settings.stripe_publishable_key) if key.count("_") > 1}
    if len(modes) > 1:
        yield StripeCheck(
            "One of Stripe's keys is for testing and the other is live.", "Set two keys of the same mode."
        )
    given = settings.stripe_publishable_key and settings.webhook_secret()
    mend = "" if given else "Set BUTT_STRIPE_PUBLISHABLE_KEY and BUTT_STRIPE_WEBHOOK_SECRET too."
    yield StripeCheck(f"Payments go to Stripe{', for testing' if modes == {'test'} else ''}.", mend)


def _account(account: dict[str, Any]) -> StripeCheck:
    if account.get("charges_enabled"):
        return StripeCheck(f"Stripe's account {account['id']} may charge cards.")
    return StripeCheck(
        f"Stripe's account {account['id']} may not charge cards yet.",
        "Finish what Stripe's dashboard asks for under Settings, Account status.",
    )


def _price(client: Any, settings: Configuration, sold: Sold) -> StripeCheck:
    name, price = sold.name, shown(sold.amount, settings.currency)
    found = client.prices.list({"lookup_keys": [name], "active": True}).data
    if not found:
        return StripeCheck(f"The price of {price} a month will be created with the first payment.")
    there = plain(found[0])
    if (there["unit_amount"], there["currency"]) == (sold.amount, settings.currency):
        return StripeCheck(f"Stripe has the price of {price} a month.")
    return StripeCheck(
        f"Stripe's price {name} is {shown(there['unit_amount'] or 0, there['currency'])}, and not {price}.",
        "Remove its lookup key in Stripe's dashboard. A new price will then be created.",
    )


def _endpoint(client: Any, settings: Configuration) -> StripeCheck:
    where = f"{settings.public_url}/stripe/webhook"
    there = [plain(each) for each in client.webhook_endpoints.list({"limit": 100}).auto_paging_iter()]
    ours = next((each for each in there if each["url"].rstrip("/") == where), None)
    if ours is None:
        return StripeCheck(
            f"Stripe has no webhook endpoint for {where}, so events are noticed up to a day late.",
            f"Add one in Stripe's dashboard, with the events {', '.join(sorted(EVENTS))}.",
        )
    if ours["status"] != "enabled":
        return StripeCheck(
            f"Stripe's webhook endpoint for {where} is disabled.", "Enable it in Stripe's dashboard."
        )
    lacking = set() if "*" in ours["enabled_events"] else EVENTS - set(ours["enabled_events"])
    if lacking:
        return StripeCheck(
            f"Stripe's webhook endpoint for {where} does not receive all events.",
            f"Add these to it: {', '.join(sorted(lacking))}.",
        )
    return StripeCheck(f"Stripe sends events to {where}.")


def _tax(client: Any) -> StripeCheck:
    there = plain(client.tax.settings.retrieve())
    if there["status"] == "active":
        return StripeCheck("Stripe Tax is set up.")
    missing = ((there.get("status_details") or {}).get("pending") or {}).get("missing_fields") or []
    return StripeCheck(
        f"Stripe Tax is not set up yet{': ' + ', '.join(missing) + ' is missing' if missing else ''}.",
        "Fill it in under Tax in Stripe's dashboard, and register where you owe tax; or set BUTT_TAX to a rate.",
    )
