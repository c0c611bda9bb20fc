"""Operators act on a person, a bot or a machine and say why; or announce something to everybody."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from butt.accounts.models import Account
from butt.agents.models import Agent
from butt.machines.models import Machine
from butt.operating import NotDone
from butt.operating.actions import OF_BOT, OF_MACHINE, OF_PERSON, OperatorAction, act
from butt.operating.announcing import announce as tell
from butt.public.pages.person import account_of, person_of
from butt.vault.operating import OF_LOST


def on_person(request: HttpRequest, person_id: str) -> HttpResponse:
    """For people who may use the console; everybody else gets a 404."""
    _let_in(request)
    account = get_object_or_404(Account, agent_id=person_id)
    where = ("admin:accounts_account_changelist", account.email)
    return _answer(request, OF_PERSON, account, *where)


def on_bot(request: HttpRequest, bot_id: str) -> HttpResponse:
    """The same for a bot."""
    _let_in(request)
    bot = get_object_or_404(Agent, id=bot_id, type=Agent.Type.BOT)
    return _answer(request, OF_BOT | OF_LOST, bot, "admin:agents_agent_changelist", bot.name)


def on_machine(request: HttpRequest, machine_id: str) -> HttpResponse:
    """The same for a machine."""
    _let_in(request)
    machine = get_object_or_404(Machine, id=machine_id)
    return _answer(request, OF_MACHINE, machine, "admin:machines_machine_changelist", machine.minion_id)


def announce(request: HttpRequest) -> HttpResponse:
    """Tell everybody something by email."""
    _let_in(request)
    if request.method != "POST":
        return render(request, "announcing.html")
    try:
        tell(account_of(request).agent, request.POST.get("subject", ""), request.POST.get("text", ""))
    except NotDone as why:
        return render(request, "announcing.html", {"error": str(why), "given": request.POST}, status=422)
    messages.success(request, "The announcement is being sent.")
    return redirect("admin:index")


def _let_in(request: HttpRequest) -> None:
    if not site.has_permission(request) or person_of(request) is None:
        raise Http404


def _chosen(actions: dict[str, OperatorAction], name: str) -> OperatorAction:
    if name not in actions:
        raise NotDone("Choose what to do.")
    return actions[name]


def _answer(
    request: HttpRequest, actions: dict[str, OperatorAction], target: Any, back: str, name: str
) -> HttpResponse:
    shown = {"actions": actions.values(), "target": name, "back": back}
    if request.method != "POST":
        return render(request, "acting.html", shown)
    given = request.POST
    try:
        action = _chosen(actions, given.get("action", ""))
        act(action, account_of(request).agent, target, given.get("reason", ""), given.get("value", ""))
    except NotDone as why:
        shown |= {"error": str(why), "given": given}
        return render(request, "acting.html", shown, status=422)
    messages.success(request, f"Done: {action.name} {name}.")
    return redirect(back)
