"""The landing page and the dashboard."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from butt.agents.models import Agent
from butt.agents.summaries import summaries_of
from butt.agents.view import View
from butt.health.readiness import readiness
from butt.public.live import mark
from butt.public.pages.person import for_person


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "landing.html")


@require_safe
def up(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For checks whether the server is alive."""
    return HttpResponse("up\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Whether the service is ready, for load balancers. The reasons are for operators, on the private server."""
    checks = {check.name: "failing" if check.trouble else "ok" for check in readiness()}
    is_ready = "failing" not in checks.values()
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


@require_safe
@for_person
def dashboard(request: HttpRequest, person: Agent) -> HttpResponse:
    views = [View(bot) for bot in summaries_of(person)]
    passing = any(view.state.is_passing for view in views)
    return render(request, "dashboard.html", {"bots": views, "passing": passing, "mark": mark(views)})
