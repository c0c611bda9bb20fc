"""What a person pays, and the card they pay with."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from csp.decorators import csp_update
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from butt.agents.models import Agent
from butt.billing.chosen import billing
from butt.billing.interface import BadCard, CardForm, Forged, NoAnswer
from butt.configuration import configuration
from butt.public.api.errors import problem
from butt.public.pages.person import for_person
from butt.public.pages.sorry import sorry
from butt.public.pages.way import on_their_way_to

P = ParamSpec("P")


def where_money_is(
    page: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page that does not exist if nobody pays."""

    @wraps(page)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not billing().takes_money:
            raise Http404
        return page(request, *args, **kwargs)

    return wrapped  # type: ignore[return-value]


def render_with(
    form: CardForm | None, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render the page; only here may the card form's scripts and frames be loaded."""
    response = render(request, template, context, status=status)
    if form:
        csp_update({name: list(hosts) for name, hosts in form.sources.items()})(lambda _: response)(request)
        # A wallet is a window that tells its opener whether it pays.
        response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@where_money_is
@for_person
def bill(request: HttpRequest, person: Agent) -> HttpResponse:
    context: dict[str, Any] = {"bill": billing().bill(person), "here": "billing"}
    try:
        context["confirm"] = billing().to_confirm(person) if context["bill"].notice else None
        context["next"] = None if context["bill"].cancels else billing().upcoming(person)
        context["invoices"] = billing().invoices(person)
    except NoAnswer as trouble:
        context["trouble"] = str(trouble)
    return render_with(context.get("confirm"), request, "billing/billing.html", context)


@where_money_is
@for_person
def card(request: HttpRequest, person: Agent) -> HttpResponse:
    wanted, errors = on_their_way_to(request), {}
    if request.method == "POST":
        try:
            billing().keep_card(person, request.POST.get("setup", ""))
            billing().pay_now(person)
            return redirect(wanted or "billing")
        except (BadCard, NoAnswer) as no:
            errors = card_errors(request, no)
    context = {"next": wanted, "here": "billing", **errors}
    return with_card(request, person, "billing/card.html", context)


def card_errors(request: HttpRequest, no: BadCard | NoAnswer) -> dict[str, Any]:
    """What a page with a card form says of `no`. A card that was entered is kept while Stripe cannot be asked about it."""
    kept = request.POST.get("setup", "") if isinstance(no, NoAnswer) else ""
    return {"errors": {"card": str(no)}, "setup": kept}


def with_card(request: HttpRequest, person: Agent, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page with a card form. `context["errors"]` contains errors found so far, `context["setup"]` a card that is kept."""
    form = None if context.get("setup") else billing().card_form(person)
    status = 422 if context.get("errors") else 200
    return render_with(form, request, template, {**context, "card": form}, status)


@require_POST
@where_money_is
@for_person
def pay(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    billing().pay_now(person)
    return redirect("billing")


@where_money_is
@for_person
def cancel(request: HttpRequest, person: Agent) -> HttpResponse:
    """Says what will happen before it is confirmed."""
    now = billing().bill(person)
    if not now.may_end:
        return redirect("billing")
    if request.method != "POST":
        context = {"bill": now, "unpaid_days": configuration().unpaid_keep_days}
        return render(request, "billing/cancel.html", context)
    billing().cancel(person)
    return redirect("billing")


@require_POST
@where_money_is
@for_person
def resume(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    billing().resume(person)
    return redirect("billing")


@require_safe
@where_money_is
@for_person
def invoice(request: HttpRequest, person: Agent, number: str) -> HttpResponse:
    """A printable invoice, for when Stripe offers none."""
    try:
        found = next((each for each in billing().invoices(person) if each.id == number), None)
    except NoAnswer as trouble:
        return sorry(request, "not now", str(trouble), 503)
    if found is None:
        raise Http404
    return render(request, "billing/invoice.html", {"invoice": found})


@csrf_exempt
@require_POST
@where_money_is
def webhook(request: HttpRequest) -> HttpResponse:
    """What Stripe reports to us; its signature proves that it is Stripe."""
    try:
        billing().take_event(request.body, request.headers.get("Stripe-Signature", ""))
    except Forged as no:
        status, body = problem(400, "bad_request", str(no))
        return JsonResponse(body, status=status)
    return JsonResponse({"received": True})
