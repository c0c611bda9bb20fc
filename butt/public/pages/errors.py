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


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    too_big = isinstance(exception, RequestDataTooBig)
    message = "This is more than we take in one request." if too_big else "This request makes no sense to us."
    if wants_json(request):
        status, body = problem(413 if too_big else 400, "too_big" if too_big else "bad_request", message)
        return JsonResponse(body, status=status)
    return render(request, "error.html", {"title": "no", "message": message}, status=413 if too_big else 400)


def server_error(request: HttpRequest) -> HttpResponse:
    # A full disk, or a database that restarts: it passes, and what was asked can be asked again.
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _not_now(request)
    if wants_json(request):
        status, body = problem(500, "our_fault", "Something went wrong on our side. Please try again.")
        return JsonResponse(body, status=status)
    message = "Something went wrong on our side. Nothing of yours is lost; please try again."
    return render(request, "error.html", {"title": "oh no", "message": message}, status=500)


def _not_now(request: HttpRequest) -> HttpResponse:
    message = "Nothing can be read or written down at the moment. Please try again shortly."
    if wants_json(request):
        status, body = problem(503, "not_now", message)
        return JsonResponse(body, status=status)
    return render(request, "error.html", {"title": "not now", "message": message}, status=503)
