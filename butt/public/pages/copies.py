"""One's own copies: where they go, when the last one was made, and what went wrong."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.agents.view import View
from butt.copies import actions
from butt.copies.actions import CopyPlace, own_copy_of
from butt.copies.models import PlaceKind
from butt.public.pages.person import for_person_again


@for_person_again
def own_copy(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Whoever chooses the place and the key gets the bot's secret, so the person proves again who they are."""
    bot = bot_by_name(person, name)
    if request.method != "POST":
        return _page(request, bot)
    try:
        if "end" in request.POST:
            actions.end(person, bot)
            messages.info(request, "No more copies will be made. Existing copies stay where they are.")
        elif "now" in request.POST:
            actions.ask_now(person, bot)
        else:
            actions.choose(person, bot, _place(request))
    except Refused as no:
        return _page(request, bot, error=no, status=422)
    return redirect("own-copy", bot.name)


def _place(request: HttpRequest) -> CopyPlace:
    fields = ("kind", "url", "key", "bucket", "region", "user", "secret")
    given = {field: request.POST.get(field, "").strip() for field in fields}
    return CopyPlace(**given, nightly=request.POST.get("nightly") == "yes")


def _page(request: HttpRequest, bot: Agent, error: Refused | None = None, status: int = 200) -> HttpResponse:
    shown = {
        "bot": View(bot),
        "copy": own_copy_of(bot),
        "kinds": PlaceKind.choices,
        "given": request.POST if error else None,
        "error": error,
    }
    return render(request, "bot/copy.html", shown, status=status)
