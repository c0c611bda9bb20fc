"""The page of an alias: who has it, and how an app connects with them through the bot's room.

Source: https://github.com/ssbc/rooms2, "Web endpoint"
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from butt.agents.actions import Refused
from butt.invites.book import public_bot
from butt.limits.networks import network_of
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.peers import aliases
from butt.public.addresses import address_of
from butt.public.pages.apps import APPS
from butt.public.pages.claims import failed, unlisted
from butt.public.pages.sorry import sorry

_looks, _misses = Rate(ADDRESS_JOINS), Rate(ADDRESS_MISSES)
"""In this server's own memory, as for invites. They are bounded because each look asks the bot."""


@require_safe
@never_cache
def alias(request: HttpRequest, name: str, alias: str) -> HttpResponse:
    """Who has this alias: a page for people, and with `?encoding=json` the answer for apps."""
    visitor = f"address {network_of(address_of(request))}"
    if wait := _looks.wait_of(visitor):
        return _too_often(request, wait)
    view = public_bot(name)
    try:
        found = aliases.find(view.agent, alias.lower()) if view else None
    except Refused as no:
        return _failed(request, "not now", no.message, 503, 5)
    if view is None or found is None:
        if wait := _misses.wait_of(visitor):
            return _too_often(request, wait)
        return _failed(request, "not here", "Nobody here has this alias. Check the link.", 404)
    if _wants_json(request):
        return unlisted(JsonResponse({"status": "successful", **found.as_told()}))
    apps = [app for app in APPS if app.opens and app.network == view.network]
    return unlisted(render(request, "alias.html", {"bot": view, "found": found, "apps": apps}))


def _wants_json(request: HttpRequest) -> bool:
    return request.GET.get("encoding") == "json"


def _too_often(request: HttpRequest, wait: int) -> HttpResponse:
    message = "You are opening aliases too often. Please wait a minute."
    return _failed(request, "a moment", message, 429, wait)


def _failed(request: HttpRequest, title: str, message: str, status: int, wait: int = 0) -> HttpResponse:
    if _wants_json(request):
        return unlisted(failed(message, status, wait))
    return unlisted(sorry(request, title, message, status, wait=wait))
