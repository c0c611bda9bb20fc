"""Pages that anybody may look at: the page of an invite, and that of a bot."""

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from butt.agents.view import View
from butt.invites.book import entry_by_token, public_bot
from butt.invites.standing import Standing
from butt.limits.networks import network_of
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.public.addresses import address_of

_looks, _misses = Rate(ADDRESS_JOINS), Rate(ADDRESS_MISSES)
"""In this server's own memory: a bound on guessing and hammering need be neither shared nor kept."""

QUIET_ZONE = 4
"""The margin that a QR code needs, in dots; the template's drawing begins there."""

OVER = {
    Standing.SPENT: "This invite has been used.",
    Standing.REVOKED: "This invite was taken back.",
    Standing.EXPIRED: "This invite has expired.",
}
ROBOTS = "User-agent: *\nDisallow: /join/\nDisallow: /bots\n"


@csrf_exempt  # showing a code changes nothing, so there is nothing to forge; and no cookie is needed
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What an invite leads to. Its code shows only after a click: whatever follows links just reads of it."""
    entry = entry_by_token(token)
    looks = _looks if entry else _misses
    if wait := looks.wait_of(f"address {network_of(address_of(request))}"):
        response = _error(request, "a moment", "You look at invites very often. Please wait a minute.", 429)
        response["Retry-After"] = str(wait)
        return response
    if entry is None:
        return _error(request, "not here", "There is no such invite.", 404)
    view = View(entry.bot)
    if not entry.is_open:
        return _unlisted(
            render(request, "join_over.html", {"bot": view, "message": OVER[entry.standing]}, status=410)
        )
    shown: dict[str, object] = {}
    if request.method == "POST":
        size, drawing = _qr(entry.code)
        shown = {"code": entry.code, "size": size + 2 * QUIET_ZONE, "drawing": drawing}
    return _unlisted(render(request, "join.html", {"bot": view, "entry": entry, **shown}))


@require_safe
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """A bot as everybody may see it, unless its owner minds."""
    view = public_bot(name)
    if view is None:
        raise Http404
    return render(request, "profile.html", {"bot": view})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return HttpResponse(ROBOTS, content_type="text/plain")


def _qr(code: str) -> tuple[int, str]:
    """The code as the path of an SVG, one unit a dot, and how many dots it is wide: no style is needed to draw it."""
    matrix = segno.make_qr(code, error="m").matrix
    dots = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
    return len(matrix), "".join(dots)


def _error(request: HttpRequest, title: str, message: str, status: int) -> HttpResponse:
    return _unlisted(render(request, "error.html", {"title": title, "message": message}, status=status))


def _unlisted(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
