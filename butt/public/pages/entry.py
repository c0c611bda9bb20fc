"""Entering: `start` for existing and new people alike, then `newbie`."""

from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from butt.accounts.entry import NoEntry, clean_person_name, come_in
from butt.accounts.terms import agree
from butt.agents.actions import Refused, check_bot_name, create_bot
from butt.agents.bots import bots_of
from butt.agents.models import Agent
from butt.billing.chosen import billing
from butt.billing.interface import BadCard, NoAnswer, PaymentDue
from butt.configuration import configuration
from butt.public.addresses import address_of
from butt.public.browsers import known_as
from butt.public.letters import ask_to_verify
from butt.public.pages.billing import card_errors, with_card
from butt.public.pages.networks import network_in
from butt.public.pages.person import account_of, for_person, person_of
from butt.public.pages.way import on_their_way_to
from butt.services.known import USUAL, services
from scuttlekit.network_keys import MAIN


@never_cache
@sensitive_post_parameters("password")
def start(request: HttpRequest) -> HttpResponse:
    """One form, as drawn: a known address signs in, an unknown one registers and goes on to `newbie`.

    People with a second factor are led on to use it.
    """
    if person_of(request):
        return redirect(on_their_way_to(request) or "dashboard")
    if request.method != "POST":
        return render(request, "start.html", {"next": on_their_way_to(request)})
    email, password = request.POST.get("email", ""), request.POST.get("password", "")
    try:
        account, is_new = come_in(email, password, address_of(request), known_as(request, email))
    except NoEntry as no:
        said = {"email": email, "errors": {no.field: no.message}, "next": on_their_way_to(request)}
        return render(request, "start.html", said, status=429 if no.wait else 422)
    if is_new:
        ask_to_verify(request, account)
    target = on_their_way_to(request) or reverse("dashboard" if bots_of(account.agent).exists() else "newbie")
    coming = Login(user=account, email=account.email, redirect_url=target)
    answer: HttpResponse = perform_password_login(request, {"email": account.email}, coming)
    return answer


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("landing")


@for_person
def newbie(request: HttpRequest, person: Agent) -> HttpResponse:
    if bots_of(person).exists():
        return redirect("dashboard")
    if request.method == "POST":
        agree(account_of(request), configuration().terms, timezone.now())
    return _name_a_bot(request, person, "newbie.html")


@for_person
def another(request: HttpRequest, person: Agent) -> HttpResponse:
    if billing().needs_card(person):
        return redirect(f"{reverse('card')}?next={reverse('another')}")
    return _name_a_bot(request, person, "another.html")


@require_safe
@for_person
def name(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    """Whether a bot may have this name, checked while it is typed."""
    try:
        return JsonResponse({"name": check_bot_name(request.GET.get("name", "")), "message": ""})
    except Refused as no:
        return JsonResponse({"name": None, "message": no.message})


def _name_a_bot(request: HttpRequest, person: Agent, template: str) -> HttpResponse:
    if request.method != "POST":
        return _form(request, person, template, {"name": person.name})
    asked: dict[str, Any] = {
        field: request.POST.get(field, "") for field in ("name", "bot", "network", "network_key")
    }
    try:
        if "name" in request.POST:
            person.name = clean_person_name(asked["name"])
            person.save(update_fields=["name"])
        if request.POST.get("setup"):
            billing().keep_card(person, request.POST["setup"])
        billing().check_may_add(person)
        bot = create_bot(
            person,
            asked["bot"],
            service=request.POST.get("service", USUAL),
            network=network_in(request.POST, default=MAIN),
        )
    except NoEntry as no:
        asked["errors"] = {"name": no.message}
    except (BadCard, NoAnswer) as no:
        asked |= card_errors(request, no)
    except Refused as no:
        must_pay = isinstance(no, PaymentDue)
        if (must_pay or no.code == "name_taken") and (made := _just_made(person, asked["bot"])):
            return redirect("bot", made.name)
        field = "card" if must_pay else no.field if no.field in {"network", "service"} else "bot"
        asked["errors"] = {field: no.message}
    else:
        return redirect("bot", bot.name)
    return _form(request, person, template, asked)


def _just_made(person: Agent, name: str) -> Agent | None:
    """Clicking twice asks twice; the second time the bot already exists and is theirs."""
    lately = timezone.now() - timedelta(minutes=1)
    return bots_of(person).filter(name=name.strip().lower(), created_at__gt=lately).first()


def _form(request: HttpRequest, person: Agent, template: str, context: dict[str, Any]) -> HttpResponse:
    context |= {"services": services(), "chosen_service": request.POST.get("service", USUAL)}
    if billing().needs_card(person):
        return with_card(request, person, template, context)
    shown = billing().bill(person).card if billing().takes_money else ""
    context |= {"has_card": True, "card_shown": shown}
    return render(request, template, context, status=422 if context.get("errors") else 200)
