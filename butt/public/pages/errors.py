"""Pages for when something is not there, or went wrong."""

import sys
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from butt.public.api.errors import problem, wants_json
from butt.public.refusals import Refusal, refusal_of

DATABASE_SECONDS, UPLOADS_SECONDS = 5, 60
"""After how long to ask again."""

_NO_DATABASE = "Nothing can be read or written down at the moment. Please try again shortly."
_MANY_AT_ONCE = (
    "Others bring their pubs at this moment, as many as can come at once. Nothing of yours was kept; "
    "go back and bring it again in a minute."
)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    if wants_json(request):
        status, body = problem(404, "not_found", "There is nothing at this path; see /docs.")
        return JsonResponse(body, status=status)
    return render(
        request, "error.html", {"title": "not here", "message": "There is nothing here."}, status=404
    )


def not_allowed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a method that a path does not know is an error like any other; Django answers it with no words."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        return _no_such_method(request, response["Allow"])

    return answer


def _no_such_method(request: HttpRequest, known: str) -> HttpResponse:
    status = HTTPStatus.METHOD_NOT_ALLOWED
    if wants_json(request):
        message = f"{request.method} is no method of this path; it knows {known}."
        code, body = problem(status, "wrong_method", message)
        return JsonResponse(body, status=code, headers={"Allow": known})
    # The way of a button, come to by a link, or by `start` where somebody had to sign in on the way.
    said = {
        "title": "once more",
        "message": "Nothing was done. Please go there from home, and press the button again.",
    }
    response = render(request, "error.html", said, status=status)
    response["Allow"] = known
    return response


def refused(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: what the server refused has its answer here, where all others' headers are put on it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        match refusal_of(request):
            case None:
                return get_response(request)
            case Refusal.TOO_BIG:
                return _too_big(request)
            case Refusal.TOO_MANY:
                return _not_now(request, _MANY_AT_ONCE, UPLOADS_SECONDS)

    return answer


def _too_big(request: HttpRequest) -> HttpResponse:
    message = "This is more than we take in one request. Nothing of it was kept; go back and send less."
    if wants_json(request):
        status, body = problem(413, "too_big", message)
        return JsonResponse(body, status=status)
    return render(request, "error.html", {"title": "too much", "message": message}, status=413)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _too_big(request)
    message = "This request makes no sense to us."
    if wants_json(request):
        status, body = problem(400, "bad_request", message)
        return JsonResponse(body, status=status)
    return render(request, "error.html", {"title": "no", "message": message}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    # A full disk, or a database that restarts: it passes, and what was asked can be asked again.
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _not_now(request, _NO_DATABASE, DATABASE_SECONDS)
    if wants_json(request):
        status, body = problem(500, "our_fault", "Something went wrong on our side. Please try again.")
        return JsonResponse(body, status=status)
    message = "Something went wrong on our side. Nothing of yours is lost; please try again."
    return render(request, "error.html", {"title": "oh no", "message": message}, status=500)


def _not_now(request: HttpRequest, message: str, seconds: int) -> HttpResponse:
    if wants_json(request):
        status, body = problem(503, "not_now", message)
        return JsonResponse(body, status=status, headers={"Retry-After": str(seconds)})
    response = render(request, "error.html", {"title": "not now", "message": message}, status=503)
    response["Retry-After"] = str(seconds)
    return response
