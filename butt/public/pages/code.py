"""What code a bot runs, and what an upgrade would change."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.agents.states import Action
from butt.agents.view import View
from butt.public.pages.bot import attempt
from butt.public.pages.person import for_person
from butt.sources import shelf
from butt.sources.models import Release


@for_person
def upgrade(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Says what would change before it is confirmed."""
    bot = bot_by_name(person, name)
    if request.method == "POST":
        attempt(request, person, bot, Action.UPGRADE)
        return redirect("bot", bot.name)
    view = View(bot)
    releases = view.service.releases
    newest = shelf.newest(releases)
    now = Release.objects.filter(key=view.release).first()
    changes = None
    if now and newest and now.digest != newest.digest:
        changes = shelf.changes(now, newest)
    return render(
        request,
        "bot/upgrade.html",
        {
            "bot": view,
            "now": now,
            "newest": newest,
            "changes": changes,
            "came_back": newest and bot.progress.refused == newest.key and bot.progress.notice,
            "may": view.may(Action.UPGRADE),
            "coming": shelf.coming(releases),
        },
    )
