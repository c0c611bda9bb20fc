"""Taking a bot's data along."""

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from butt.accounts.entry import NoEntry
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.agents.view import View
from butt.agents.wishes import Refused
from butt.exports.delivery import FORK
from butt.exports.parcel import Part, Stock
from butt.hosts.reading import Unreadable, reading
from butt.public import downloads
from butt.public.pages.person import for_person
from butt.public.proof import PROOF_SECONDS, is_proved, prove


@for_person
def export(request: HttpRequest, person: Agent, name: str) -> HttpResponseBase:
    """What there is, and how much. A press on one of it sends the file."""
    bot = bot_by_name(person, name)
    with suppress(ValueError):
        part = Part(request.POST.get("part", ""))
        if part.speaks_as_the_bot and not is_proved(request):
            return redirect("export-password", bot.name)
        try:
            return downloads.export(
                person, bot, part, way="page", encrypt_to=request.POST.get("encrypt", "").strip()
            )
        except Refused as no:
            messages.error(request, no.message)
        except Unreadable as trouble:
            messages.error(request, str(trouble))
        return redirect("export", bot.name)
    stock, unreadable = _stock(bot)
    return render(
        request,
        "bot/export.html",
        {"bot": View(bot), "stock": stock, "trouble": unreadable, "proved": is_proved(request), "fork": FORK},
    )


@for_person
def password(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Who walks by an open browser does not walk away with a bot."""
    bot, error, status = bot_by_name(person, name), "", 200
    if request.method == "POST":
        try:
            if prove(request, request.POST.get("password", "")):
                return redirect("export", bot.name)
            error, status = "This is not your password.", 422
        except NoEntry as slow:
            error, status = slow.message, 429
        if not request.user.is_authenticated:
            return redirect("start")
    shown = {"bot": View(bot), "minutes": PROOF_SECONDS // 60, "fork": FORK, "error": error}
    return render(request, "bot/export_password.html", shown, status=status)


def _stock(bot: Agent) -> tuple[Stock | None, str]:
    try:
        return reading().stock(bot.id), ""
    except Unreadable as trouble:
        return None, str(trouble)
