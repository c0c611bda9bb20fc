"""`GET /metrics`, for Prometheus."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    # Prometheus's library and what is read for it are loaded when somebody asks: most services have no Prometheus.
    from butt.private.exposition import CONTENT_TYPE, exposition

    return HttpResponse(exposition(), content_type=CONTENT_TYPE)
