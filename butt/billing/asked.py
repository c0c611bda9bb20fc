"""What Stripe answers when asked whether it is set up for us: for `butt doctor`. Nothing is changed there."""

from collections.abc import Iterator
from typing import Any

import stripe

from butt.billing.calls import PATIENCE
from butt.billing.catalogue import Sold, bot_of, room_of
from butt.billing.money import shown
from butt.billing.seen import plain
from butt.configuration import Configuration
from butt.trouble import Finding

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


def asked(settings: Configuration, url: str = "") -> Iterator[Finding]:
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
        yield Finding("Stripe does not accept the secret key.", "Set BUTT_STRIPE_SECRET_KEY to your own key.")
    except stripe.PermissionError:
        yield Finding(
            "Stripe does not let this key read the account's settings.",
            "Give the restricted key read permission for the account, prices, webhook endpoints and tax settings.",
        )
    except stripe.StripeError as error:
        yield Finding(
            f"Stripe does not answer: {type(error).__name__}.",
            "Check that this machine can reach api.stripe.com, and try again.",
        )


def _keys(settings: Configuration) -> Iterator[Finding]:
    secret = settings.stripe_secret_key.get_secret_value()
    modes = {key.split("_")[1] for key in (secret, settings.stripe_publishable_key) if key.count("_") > 1}
    if len(modes) > 1:
        yield Finding(
            "One of Stripe's keys is for testing and the other is live.", "Set two keys of the same mode."
        )
    given = settings.stripe_publishable_key and settings.webhook_secret()
    mend = "" if given else "Set BUTT_STRIPE_PUBLISHABLE_KEY and BUTT_STRIPE_WEBHOOK_SECRET too."
    yield Finding(f"Payments go to Stripe{', for testing' if modes == {'test'} else ''}.", mend)


def _account(account: dict[str, Any]) -> Finding:
    if account.get("charges_enabled"):
        return Finding(f"Stripe's account {account['id']} may charge cards.")
    return Finding(
        f"Stripe's account {account['id']} may not charge cards yet.",
        "Finish what Stripe's dashboard asks for under Settings, Account status.",
    )


def _price(client: Any, settings: Configuration, sold: Sold) -> Finding:
    name, price = sold.name, shown(sold.amount, settings.currency)
    found = client.prices.list({"lookup_keys": [name], "active": True}).data
    if not found:
        return Finding(f"The price of {price} a month will be created with the first payment.")
    listed = plain(found[0])
    if (listed["unit_amount"], listed["currency"]) == (sold.amount, settings.currency):
        return Finding(f"Stripe has the price of {price} a month.")
    return Finding(
        f"Stripe's price {name} is {shown(listed['unit_amount'] or 0, listed['currency'])}, and not {price}.",
        "Remove its lookup key in Stripe's dashboard. A new price will then be created.",
    )


def _endpoint(client: Any, settings: Configuration) -> Finding:
    where = f"{settings.public_url}/stripe/webhook"
    endpoints = [plain(each) for each in client.webhook_endpoints.list({"limit": 100}).auto_paging_iter()]
    ours = next((each for each in endpoints if each["url"].rstrip("/") == where), None)
    if ours is None:
        return Finding(
            f"Stripe has no webhook endpoint for {where}, so events are noticed up to a day late.",
            f"Add one in Stripe's dashboard, with the events {', '.join(sorted(EVENTS))}.",
        )
    if ours["status"] != "enabled":
        return Finding(
            f"Stripe's webhook endpoint for {where} is disabled.", "Enable it in Stripe's dashboard."
        )
    lacking = set() if "*" in ours["enabled_events"] else EVENTS - set(ours["enabled_events"])
    if lacking:
        return Finding(
            f"Stripe's webhook endpoint for {where} does not receive all events.",
            f"Add these to it: {', '.join(sorted(lacking))}.",
        )
    return Finding(f"Stripe sends events to {where}.")


def _tax(client: Any) -> Finding:
    settings = plain(client.tax.settings.retrieve())
    if settings["status"] == "active":
        return Finding("Stripe Tax is set up.")
    missing = ((settings.get("status_details") or {}).get("pending") or {}).get("missing_fields") or []
    return Finding(
        f"Stripe Tax is not set up yet{': ' + ', '.join(missing) + ' is missing' if missing else ''}.",
        "Fill it in under Tax in Stripe's dashboard, and register where you owe tax; or set BUTT_TAX to a rate.",
    )
