"""Exporting a bot's data."""

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from butt.accounts.entry import NoEntry
from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.agents.view import View
from butt.exports.bundle import ExportPart
from butt.exports.delivery import FORK
from butt.hosts.reading import Unreadable, reading
from butt.public import downloads
from butt.public.again import Again, read
from butt.public.pages.person import for_person
from butt.public.proof import PROOF_SECONDS, is_proved, prove

NOT_ENCRYPTED = "It is not encrypted yet. Enter the key or passphrase again."
"""A passphrase is not stored, so any page on the way to the file loses it; the person must be told so."""


@for_person
def export(request: HttpRequest, person: Agent, name: str) -> HttpResponseBase:
    """What can be exported, and how large it is. A click on a part sends the file."""
    bot, encrypt_to = bot_by_name(person, name), request.POST.get("encrypt", "").strip()
    with suppress(ValueError):
        part = ExportPart(request.POST.get("part", ""))
        if part.speaks_as_the_bot and not is_proved(request):
            asked = reverse("export-password", args=[bot.name])
            return redirect(f"{asked}?encrypt=again" if encrypt_to else asked)
        try:
            return downloads.export(request, person, bot, part, way="page", encrypt_to=encrypt_to)
        except Refused as no:
            if no.field == "encrypt":
                return _page(request, bot, **_refused(encrypt_to, no.message))
            messages.error(request, no.message)
        except Unreadable as trouble:
            messages.error(request, str(trouble))
        if encrypt_to:
            messages.warning(request, NOT_ENCRYPTED)
        return redirect("export", bot.name)
    return _page(request, bot)


@for_person
def password(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Nobody who finds an open browser may take a bot away."""
    bot, error, status = bot_by_name(person, name), "", 200
    if request.method == "POST":
        try:
            if prove(request, request.POST.get("password", "")):
                if "encrypt" in request.GET:
                    messages.warning(request, NOT_ENCRYPTED)
                return redirect("export", bot.name)
            error, status = "Wrong password.", 422
        except NoEntry as slow:
            error, status = slow.message, 429
        if not request.user.is_authenticated:
            return redirect("start")
    shown = {"bot": View(bot), "minutes": PROOF_SECONDS // 60, "fork": FORK, "error": error}
    return render(request, "bot/export_password.html", shown, status=status)


def _page(request: HttpRequest, bot: Agent, *, encrypt: str = "", error: str = "") -> HttpResponse:
    sizes, unreadable = None, ""
    try:
        sizes = read(request, lambda: reading().sizes(bot.id))
    except Unreadable as trouble:
        unreadable = str(trouble)
    if isinstance(sizes, Again):
        return sizes
    shown = {
        "bot": View(bot),
        "sizes": sizes,
        "trouble": unreadable,
        "proved": is_proved(request),
        "fork": FORK,
        "encrypt": encrypt,
        "error": error,
    }
    return render(request, "bot/export.html", shown, status=422 if error else 200)


def _refused(encrypt_to: str, why: str) -> dict[str, str]:
    """What is shown at the field; only a key, which is public anyway, is filled in again."""
    if encrypt_to.startswith("age1"):
        return {"encrypt": encrypt_to, "error": why}
    return {"error": f"{why} Please enter it again."}
