"""Access tokens: making, listing and revoking them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from butt.accounts.scopes import Scope
from butt.accounts.tokens import MOST_DAYS, BadToken, make_token, revoke, tokens_of
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.public.pages.person import account_of, for_person, for_person_again


@never_cache
@for_person
def tokens(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    return render(request, "account/tokens.html", {"tokens": tokens_of(account_of(request))})


@never_cache
@for_person_again
def new_token(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    """The response shows the token, once: redirecting to a page that does would mean storing it until then."""
    name = request.POST.get("name", "")
    days = request.POST.get("days", str(configuration().token_days))
    chosen: list[str] = request.POST.getlist("scopes") if request.method == "POST" else [Scope.READ]
    asked = {"name": name, "days": days, "chosen": chosen, "scopes": list(Scope)}
    if request.method != "POST":
        return render(request, "account/new_token.html", asked)
    try:
        made = make_token(account_of(request), name, chosen, _whole(days))
    except BadToken as no:
        said = {**asked, "errors": {no.field: no.message}}
        return render(request, "account/new_token.html", said, status=422)
    shown = {"tokens": tokens_of(account_of(request)), "made": made}
    return render(request, "account/tokens.html", shown)


@require_POST
@for_person
def revoke_token(request: HttpRequest, person: Agent, number: int) -> HttpResponse:  # noqa: ARG001
    revoke(account_of(request), number)
    return redirect("tokens")


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= len(str(MOST_DAYS)) else 0
