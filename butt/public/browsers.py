"""What browsers keep from us: no page of a person, nothing after signing out, and that somebody signed in
there before.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from butt.accounts import browsers
from butt.accounts.models import Account
from butt.public.holding import Answer

COOKIE = "known"
_CAME, _LEFT = "butt.came", "butt.left"


def known_as(request: HttpRequest, email: str) -> str:
    """The browser's name, if the owner of the address signed in there before; otherwise empty."""
    return browsers.known_as(request.COOKIES.get(COOKIE, ""), email)


@receiver(user_logged_in)
def _came(request: HttpRequest, user: Account, **_: Any) -> None:
    request.META[_CAME] = user.email


@receiver(user_logged_out)
def _left(request: HttpRequest, **_: Any) -> None:
    request.META[_LEFT] = True


def remembering(get_response: Answer) -> Answer:
    """Middleware: controls what the browser keeps of the response."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        email, left = request.META.get(_CAME), request.META.get(_LEFT)
        # "Back" shows what a browser kept to whoever uses it after somebody has signed out.
        if (email or left or _is_somebodys(request)) and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        if left:
            response["Clear-Site-Data"] = '"cache"'
        if email:
            response.set_cookie(
                COOKIE,
                browsers.with_person(request.COOKIES.get(COOKIE, ""), email),
                max_age=browsers.LASTS,
                path="/",
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    return answer


def _is_somebodys(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
