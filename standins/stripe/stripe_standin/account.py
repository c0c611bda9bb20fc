"""The account itself, its events, and where they are sent."""

from __future__ import annotations

import secrets
from typing import Any

from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import examples, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World


@route("GET", "/v1/account", "AccountRetrieveCurrentParams")
def account(world: World, given: dict[str, Any]) -> Object:  # noqa: ARG001
    more = {"charges_enabled": True, "details_submitted": True, "payouts_enabled": True}
    return {**examples()["account"], **more, "country": world.settings["country"], "id": "acct_standin"}


@route("GET", "/v1/tax/settings", "tax.SettingsRetrieveParams")
def tax_settings(world: World, given: dict[str, Any]) -> Object:  # noqa: ARG001
    missing = world.settings["tax_missing"]
    return {
        "object": "tax.settings",
        "defaults": {"provider": "stripe", "tax_behavior": "exclusive", "tax_code": "txcd_10103001"},
        "head_office": {"address": {"country": world.settings["country"]}},
        "livemode": False,
        "status": "pending" if missing else "active",
        "status_details": {"pending": {"missing_fields": missing}} if missing else {"active": {}},
    }


@route("GET", "/v1/events", "EventListParams", "type types")
def events(world: World, given: dict[str, Any]) -> list[Object]:
    kinds = given.get("types") or ([given["type"]] if "type" in given else None)
    return [each for each in world.store.all("event") if kinds is None or each["type"] in kinds]


@route("GET", "/v1/events/{event}", "EventRetrieveParams")
def event(world: World, given: dict[str, Any], event: str) -> Object:  # noqa: ARG001
    return world.store.get("event", event)


def endpoint(
    world: World, url: str, secret: str = "", events: list[str] | None = None, **more: Any
) -> Object:
    made = new(
        "webhook_endpoint",
        id=new_id("we"),
        created=world.now(),
        enabled_events=events or ["*"],
        status="enabled",
        url=url,
        **more,
    )
    world.hide(made["id"], secret=secret or f"whsec_{secrets.token_urlsafe(24)}")
    return world.store.put("webhook_endpoint", made)


KNOWN = "url enabled_events description metadata"


@route("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams", KNOWN + " api_version")
def create_endpoint(world: World, given: dict[str, Any]) -> Object:
    more = {name: given[name] for name in ("description", "metadata", "api_version") if name in given}
    made = endpoint(world, given["url"], events=given["enabled_events"], **more)
    return {**made, "secret": world.hidden(made["id"])["secret"]}


@route("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def endpoints(world: World, given: dict[str, Any]) -> list[Object]:  # noqa: ARG001
    return world.store.all("webhook_endpoint")


@route("GET", "/v1/webhook_endpoints/{number}", "WebhookEndpointRetrieveParams")
def retrieve_endpoint(world: World, given: dict[str, Any], number: str) -> Object:  # noqa: ARG001
    return world.store.get("webhook_endpoint", number)


@route("POST", "/v1/webhook_endpoints/{number}", "WebhookEndpointUpdateParams", KNOWN + " disabled")
def update_endpoint(world: World, given: dict[str, Any], number: str) -> Object:
    there = world.store.get("webhook_endpoint", number)
    merge(there, given.pop("metadata", {}))
    disabled = given.pop("disabled", there["status"] == "disabled")
    return world.update("webhook_endpoint", there, {**given, "status": "disabled" if disabled else "enabled"})


@route("DELETE", "/v1/webhook_endpoints/{number}", "WebhookEndpointDeleteParams")
def delete_endpoint(world: World, given: dict[str, Any], number: str) -> Object:  # noqa: ARG001
    world.store.get("webhook_endpoint", number)
    world.store.remove("webhook_endpoint", number)
    return {"id": number, "object": "webhook_endpoint", "deleted": True}
