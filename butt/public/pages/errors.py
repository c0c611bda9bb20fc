"""Pages for when something is not there, or went wrong."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from butt.public.api.errors import problem


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    if _wants_json(request):
        status, body = problem(404, "not_found", "There is nothing at this path; see /docs.")
        return JsonResponse(body, status=status)
    return render(
        request, "error.html", {"title": "not here", "message": "There is nothing here."}, status=404
    )


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        status, body = problem(500, "our_fault", "Something went wrong on our side. Please try again.")
        return JsonResponse(body, status=status)
    message = "Something went wrong on our side. Nothing of yours is lost; please try again."
    return render(request, "error.html", {"title": "oh no", "message": message}, status=500)


def _wants_json(request: HttpRequest) -> bool:
    return "Authorization" in request.headers or not request.accepts("text/html")
