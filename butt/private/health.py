"""`GET /up`, `GET /ready`: for health checks and load balancers, which have no token."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from butt.health.readiness import readiness


@require_safe
def up(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Whether the server is alive."""
    return HttpResponse("up\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Whether the service can do its work, and what to do if it cannot."""
    found = readiness()
    checks = {
        check.name: {"ok": False, "trouble": check.trouble, "mend": check.mend}
        if check.trouble
        else {"ok": True}
        for check in found
    }
    is_ready = not any(check.trouble for check in found)
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)
