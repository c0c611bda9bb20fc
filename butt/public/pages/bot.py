"""The pages of one bot."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from butt.agents.bots import bot_by_name
from butt.agents.models import Agent, Role
from butt.agents.states import Action
from butt.agents.view import View
from butt.imports.catchup import is_told
from butt.public.live import mark
from butt.public.pages.person import for_person
from butt.public.pages.sorry import refusals_shown
from butt.public.pages.vault import shown_copy
from butt.sources.actions import ALL_ACTIONS, awaited, newer

ASKED_AT_ONCE = frozenset(Action) - {Action.DELETE, Action.UPGRADE}


@require_safe
@for_person
def actions(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    view = View(bot_by_name(person, name, Role.MODERATOR))
    return render(
        request,
        "bot/actions.html",
        {
            "bot": view,
            "actions": view.offered,
            "may_delete": view.may(Action.DELETE),
            "passing": view.state.is_passing,
            "mark": mark([view]),
            "tab": "actions",
            "building": awaited(view.agent),
            "newer": view.tried_again_at and newer(view.agent, view.agent.wanted),
            "copy": shown_copy(view.agent),
            "told": view.catching_up and is_told(view.agent),
        },
    )


@for_person
def ask(request: HttpRequest, person: Agent, name: str, action: str) -> HttpResponse:
    """A click on one of the actions. After signing in, people come here by GET, which does nothing."""
    if action not in ASKED_AT_ONCE:
        raise Http404
    bot = bot_by_name(person, name)
    if request.method == "POST":
        attempt(request, person, bot, Action(action))
    return redirect("bot", bot.name)


@for_person
def delete(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Deleting asks for the bot's name, so that it cannot happen by a slip."""
    bot = bot_by_name(person, name)
    if request.method != "POST":
        return render(request, "bot/delete.html", {"bot": View(bot)})
    if request.POST.get("name", "").strip().lower() != bot.name:
        error = f"To delete it, type its name: {bot.name}"
        return render(request, "bot/delete.html", {"bot": View(bot), "error": error}, status=422)
    attempt(request, person, bot, Action.DELETE)
    return redirect("bot", bot.name)


def attempt(request: HttpRequest, person: Agent, bot: Agent, action: Action) -> None:
    """Ask for the action; the next page shows a refusal."""
    with refusals_shown(request):
        ALL_ACTIONS[action](person, bot)
