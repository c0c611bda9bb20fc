"""Who is viewing the page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from butt.accounts import impersonation
from butt.accounts.models import Account, Impersonation
from butt.agents.bots import NotAnOwner
from butt.agents.models import Agent
from butt.public.pages.sorry import sorry

P = ParamSpec("P")


LOOKED_AT = frozenset({"dashboard", "bot", "status"})
"""The pages of a person that operators may view: none that shows a secret, none that changes anything."""


def person_of(request: HttpRequest) -> Agent | None:
    account = request.user
    return account.agent if isinstance(account, Account) else None


def account_of(request: HttpRequest) -> Account:
    """For pages that are shown only to signed-in people."""
    if not isinstance(request.user, Account):
        raise TypeError("this page needs somebody")
    return request.user


def look_of(request: HttpRequest) -> Impersonation | None:
    """The impersonation in which an operator views this page."""
    number = request.session.get("look")
    if number is None:
        return None
    look = impersonation.current(account_of(request), number)
    if look is None:
        del request.session["look"]
    return look


def for_person(
    page: Callable[Concatenate[HttpRequest, Agent, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for signed-in people; others are sent to `start`. What is not theirs gives a 404."""

    @login_required
    @wraps(page)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        person = person_of(request)
        if person is None:
            raise Http404
        if look := look_of(request):
            matched = request.resolver_match
            if request.method not in {"GET", "HEAD"} or not matched or matched.url_name not in LOOKED_AT:
                message = "You are viewing somebody else's pages. Stop viewing them first."
                return sorry(request, "only looking", message, 403)
            person = look.person
        try:
            return page(request, person, *args, **kwargs)
        except Agent.DoesNotExist:
            raise Http404 from None
        except NotAnOwner as no:
            return sorry(request, "for owners", str(no), 403)

    return wrapped  # type: ignore[return-value]


def for_person_again(
    page: Callable[Concatenate[HttpRequest, Agent, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page that reveals a secret or cannot be undone: the person proves again who they are.

    They need to do so at most every ten minutes, and only with their password or second factor.
    """
    return for_person(reauthentication_required(page))
