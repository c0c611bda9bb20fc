"""Who is looking at the page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from butt.accounts.models import Account
from butt.agents.models import Agent

P = ParamSpec("P")


def person_of(request: HttpRequest) -> Agent | None:
    account = request.user
    return account.agent if isinstance(account, Account) else None


def for_person(
    page: Callable[Concatenate[HttpRequest, Agent, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for people who have signed in; others are led to `start`. What is not theirs is not found."""

    @login_required
    @wraps(page)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        person = person_of(request)
        if person is None:
            raise Http404
        try:
            return page(request, person, *args, **kwargs)
        except Agent.DoesNotExist:
            raise Http404 from None

    return wrapped  # type: ignore[return-value]
