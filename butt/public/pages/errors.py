"""Pages for when something does not exist or went wrong."""

import sys
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from butt.public.api.errors import problem, wants_json
from butt.public.holding import Answer
from butt.public.pages.sorry import sorry
from butt.public.refusals import RefusalCode, refusal_of

DATABASE_SECONDS, UPLOADS_SECONDS = 5, 60
"""How many seconds to wait before trying again."""

_NO_DATABASE = "The service cannot reach its database at the moment. Please try again shortly."
_MANY_AT_ONCE = "Too many people are importing bots right now. Nothing of your import was kept. Go back and try again in a minute."


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    message, for_programs = (
        "This page does not exist. Check the address.",
        "There is nothing at this path. See /docs.",
    )
    return _tell(request, 404, "not_found", "not here", message, for_programs=for_programs)


def not_allowed(get_response: Answer) -> Answer:
    """Middleware: a method that a path does not support is an error like any other; Django's own answer has
    no text.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        return _no_such_method(request, response["Allow"])

    return answer


def _no_such_method(request: HttpRequest, known: str) -> HttpResponse:
    # A button's URL that was opened by a link, or by `start` because somebody had to sign in first.
    message = "Nothing was done. Please open the page from the home page and press the button again."
    for_programs = f"This path does not support {request.method}. It supports {known}."
    response = _tell(request, 405, "wrong_method", "try again", message, for_programs=for_programs)
    response["Allow"] = known
    return response


def refused(get_response: Answer) -> Answer:
    """Middleware: requests that the server refused are answered here, so that they get all the usual headers."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        match refusal_of(request):
            case None:
                return get_response(request)
            case RefusalCode.TOO_BIG:
                return _too_big(request)
            case RefusalCode.TOO_MANY:
                return _not_now(request, _MANY_AT_ONCE, UPLOADS_SECONDS)

    return answer


def _too_big(request: HttpRequest) -> HttpResponse:
    message = "This request is too large. Nothing was kept. Go back and send less."
    return _tell(request, 413, "too_big", "too large", message)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _too_big(request)
    return _tell(
        request,
        400,
        "bad_request",
        "no",
        "We do not understand this request. Nothing was done. Go back and try again.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    # A full disk or a restarting database: it passes, and the request can be repeated.
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _not_now(request, _NO_DATABASE, DATABASE_SECONDS)
    message = "Something went wrong on our side. Nothing is lost. Please try again."
    for_programs = "Something went wrong on our side. Please try again."
    return _tell(request, 500, "our_fault", "oh no", message, for_programs=for_programs)


def _not_now(request: HttpRequest, message: str, seconds: int) -> HttpResponse:
    response = _tell(request, 503, "not_now", "not now", message)
    response["Retry-After"] = str(seconds)
    return response


def _tell(
    request: HttpRequest, status: int, code: str, title: str, message: str, *, for_programs: str = ""
) -> HttpResponse:
    """A page with `title` and `message`; clients that accept JSON get `code`, and `for_programs` if it is given."""
    if wants_json(request):
        status, body = problem(status, code, for_programs or message)
        return JsonResponse(body, status=status)
    return sorry(request, title, message, status)
