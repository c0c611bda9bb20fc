"""Pages that are open to everybody: an invite's page, and a bot's."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from butt.agents.actions import Refused
from butt.agents.view import View
from butt.invites.book import InviteEntry, entry_by_token, public_bot
from butt.invites.claiming import claimable
from butt.invites.invite_state import InviteState
from butt.invites.models import Invite
from butt.invites.opening import invites_a_day, left_today, offer
from butt.limits.networks import network_of
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.public.addresses import address_of
from butt.public.pages.apps import APPS
from butt.public.pages.claims import claimed, failed, is_claim, told, unlisted, wants_json
from butt.public.pages.member import has_members_page
from butt.public.pages.sorry import sorry
from butt.public.qr import drawn

_looks, _misses = Rate(ADDRESS_JOINS), Rate(ADDRESS_MISSES)
"""In this server's own memory: bounds on guessing and hammering need not be shared or kept."""

OVER = {
    InviteState.SPENT: "This invite has been used.",
    InviteState.REVOKED: "This invite was revoked.",
    InviteState.EXPIRED: "This invite has expired.",
}
ROBOTS = "User-agent: *\nDisallow: /join/\nDisallow: /bots\n"


@csrf_exempt  # a code that is shown changes nothing, and no form of another's page can claim; no cookie is needed
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page of an invite, for people and for apps. Its code shows only after a click.

    Robots that follow links, or post forms without an SSB id, only read it.
    """
    for_app = wants_json(request)
    found = claimable(token) if for_app else entry_by_token(token)
    looks = _looks if found else _misses
    if wait := looks.wait_of(f"address {network_of(address_of(request))}"):
        message = "You are opening invites too often. Please wait a minute."
        return _refused(request, for_app, "a moment", message, 429, wait)
    if found is None:
        message = "There is no such invite. Check the link, or ask for another one."
        return _refused(request, for_app, "not here", message, 404)
    if isinstance(found, Invite):
        return unlisted(claimed(request, found) if is_claim(request) else told(found))
    return unlisted(_page(request, found))


def _page(request: HttpRequest, entry: InviteEntry) -> HttpResponse:
    view = View(entry.bot)
    apps = [app for app in APPS if app.network == view.network]
    # People in a network of their own may have any app.
    opens = view.has_own_network or any(app.opens for app in apps)
    shown: dict[str, object] = {"bot": view, "entry": entry, "apps": apps, "opens": opens}
    if not entry.is_open:
        shown |= {"message": OVER[entry.state], "may_return": entry.state is InviteState.SPENT}
        return render(request, "join_over.html", shown, status=410)
    shown["qr"] = drawn(entry.url)
    if request.method == "POST":
        shown["code"] = entry.code
    return render(request, "join.html", shown)


@csrf_exempt  # it leads to the invite of today, which is the same for everybody; no cookie is needed
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest, name: str) -> HttpResponse:
    """A bot's public page, unless its owner hides it, with a way to an invite if the owner offers that."""
    view = public_bot(name)
    if view is None:
        raise Http404
    shown = {
        "bot": view,
        "invites": invites_a_day(view.agent),
        "left": left_today(view.agent),
        "has_members_page": has_members_page(view),
    }
    if request.method != "POST":
        return render(request, "profile.html", shown)
    if not shown["invites"]:
        raise Http404
    if wait := _looks.wait_of(f"address {network_of(address_of(request))}"):
        message = "You are asking for invites too often. Please wait a minute."
        return _refused(request, False, "a moment", message, 429, wait)
    try:
        invite = offer(view.agent)
    except Refused as no:
        status = 410 if no.code == "none_left" else 503
        return render(request, "profile.html", {**shown, "trouble": no.message}, status=status)
    return redirect("join", invite.token)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return HttpResponse(ROBOTS, content_type="text/plain")


def _refused(
    request: HttpRequest, for_app: bool, title: str, message: str, status: int, wait: int = 0
) -> HttpResponse:
    response = failed(message, status, wait) if for_app else sorry(request, title, message, status, wait=wait)
    return unlisted(response)
