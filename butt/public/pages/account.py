"""The person's own account: its data, downloading it, and deleting it."""

from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.views import list_usersessions
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from butt.accounts import leaving
from butt.accounts.entry import NoEntry, clean_person_name, sign_in
from butt.accounts.personal import personal_data
from butt.accounts.ssb_ids import ids_of
from butt.accounts.tokens import sign_out_programs, tokens_of
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.agents.summaries import summaries_of
from butt.billing.chosen import billing
from butt.billing.debts import check_leaves_no_debt
from butt.billing.payers import payment_data
from butt.public.addresses import address_of
from butt.public.browsers import known_as
from butt.public.letters import is_verified, say
from butt.public.pages.person import account_of, for_person, for_person_again


@for_person
def account(request: HttpRequest, person: Agent) -> HttpResponse:
    mine = account_of(request)
    shown = {
        "name": person.name,
        "is_verified": is_verified(mine),
        "has_factor": is_mfa_enabled(mine),
        "tokens": tokens_of(mine).count(),
        "ssb_ids": ids_of(mine).count(),
    }
    if request.method != "POST":
        return render(request, "account/account.html", shown)
    try:
        person.name = clean_person_name(request.POST.get("name", ""))
    except NoEntry as no:
        said = {**shown, "name": request.POST["name"], "errors": {"name": no.message}}
        return render(request, "account/account.html", said, status=422)
    person.save(update_fields=["name"])
    say(request, "Kept.")
    return redirect("account")


@login_required
def sessions(request: HttpRequest) -> HttpResponseBase:
    """Signing out everywhere includes programs."""
    mine = account_of(request)
    answer: HttpResponseBase = list_usersessions(request)
    if request.method == "POST":
        sign_out_programs(mine)
    return answer


@require_safe
@for_person_again
def data(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    account = account_of(request)
    mine = personal_data(account) | {"payment": payment_data(account.agent)}
    response = JsonResponse(mine, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response["Cache-Control"] = "no-store"
    return response


@for_person
def delete(request: HttpRequest, person: Agent) -> HttpResponse:
    """Deleting asks for the password, whatever was proved before."""
    mine = account_of(request)
    shown = {"bots": summaries_of(person)}
    if request.method != "POST":
        return render(request, "account/delete.html", shown)
    try:
        password, browser = request.POST.get("password", ""), known_as(request, mine.email)
        sign_in(mine.email, password, address_of(request), browser)
    except NoEntry as no:
        message = no.message if no.wait else "Wrong password."
        said = {**shown, "errors": {"password": message}}
        return render(request, "account/delete.html", said, status=429 if no.wait else 422)
    try:
        check_leaves_no_debt(billing(), person)
    except Refused as no:
        return render(
            request, "account/delete.html", {**shown, "errors": {"password": no.message}}, status=409
        )
    leaving.go(mine)
    logout(request)
    return render(request, "account/gone.html", {"leaves_at": mine.leaves_at})


@require_POST
@for_person
def stay(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    leaving.stay(account_of(request))
    say(request, "Your account stays. You can restore your bots one by one.")
    return redirect("dashboard")
