"""Who shares a bot: inviting, joining, leaving."""

import re
import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from butt.accounts import owners
from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent, Role
from butt.agents.view import View
from butt.billing import takeover
from butt.billing.chosen import billing
from butt.billing.interface import Price
from butt.billing.payers import payer_of
from butt.public import sharing
from butt.public.letters import is_verified, say
from butt.public.pages.person import account_of, for_person
from butt.public.pages.sorry import refusals_shown, sorry


@for_person
def people(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    bot = bot_by_name(person, name, Role.MODERATOR if request.method in {"GET", "HEAD"} else Role.OWNER)
    view, shares = View(bot), list(owners.shares_of(bot))
    shown = {
        "bot": view,
        "shares": shares,
        "last_owner": sum(share.role == Role.OWNER for share in shares) == 1,
        "roles": Role,
        "me": person,
    }
    if not view.is_owner:
        return render(request, "bot/people.html", shown)
    shown |= {
        "invitations": list(owners.invited_to(bot)),
        "may_invite": is_verified(account_of(request)),
    }
    if billing().takes_money:
        shown |= {
            "payer": payer_of(bot),
            "question": takeover.question_of(bot),
            "cost": billing().price(person, bot.service),
            "needs_card": billing().needs_card(person),
        }
    if request.method != "POST":
        return render(request, "bot/people.html", shown)
    email, role = request.POST.get("email", ""), request.POST.get("role", Role.OWNER)
    try:
        sharing.invite(account_of(request), bot, email, role)
    except Refused as no:
        shown |= {"email": email, "role": role, "error": no.message}
        return render(request, "bot/people.html", shown, status=422)
    say(request, f"We have sent an email to {email.strip().lower()}.")
    return redirect("people", bot.name)


@require_POST
@for_person
def withdraw(request: HttpRequest, person: Agent, name: str, number: int) -> HttpResponse:  # noqa: ARG001
    bot = bot_by_name(person, name)
    owners.withdraw(person, bot, number)
    return redirect("people", bot.name)


@require_POST
@for_person
def change_role(request: HttpRequest, person: Agent, name: str, person_id: uuid.UUID) -> HttpResponse:
    """Give a person who shares the bot another role or, with `remove`, none."""
    bot = bot_by_name(person, name)
    with refusals_shown(request):
        if "remove" in request.POST:
            sharing.remove(person, bot, person_id)
        else:
            sharing.set_role(person, bot, person_id, request.POST.get("role", ""))
    return redirect("people", bot.name)


@require_POST
@for_person
def leave(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    bot = bot_by_name(person, name, Role.MODERATOR)
    with refusals_shown(request):
        if takeover.leave(billing(), person, bot):
            return redirect("dashboard")
        say(
            request,
            "We have asked the others whether they will pay. You leave as soon as one of them agrees.",
        )
    return redirect("people", bot.name)


@require_POST
@for_person
def stay(request: HttpRequest, person: Agent, name: str) -> HttpResponse:  # noqa: ARG001
    bot = bot_by_name(person, name)
    takeover.stay(person, bot)
    return redirect("people", bot.name)


@require_POST
@for_person
def agree_to_pay(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """At the price that the form showed."""
    bot = bot_by_name(person, name)
    amount, currency = request.POST.get("amount", ""), request.POST.get("currency", "")
    with refusals_shown(request):
        price = Price(int(amount) if re.fullmatch("[0-9]{1,9}", amount) else -1, currency)
        takeover.agree(billing(), person, bot, price)
        say(request, f"From now on, you pay for {bot.name}.")
    return redirect("people", bot.name)


@for_person
def share(request: HttpRequest, person: Agent, key: str) -> HttpResponse:
    """Where the link in the email leads; people without an account come back here from `start`."""
    try:
        if request.method == "POST":
            return redirect("bot", owners.accept(person, key).name)
        return render(request, "share.html", {"invitation": owners.invitation_with(key)})
    except Refused as no:
        if bot := owners.joined_by(person, key):
            return redirect("bot", bot.name)
        return sorry(request, "no", no.message, 410)
