"""The page of a bot's member who signed in with their app: their aliases in its room."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from butt.accounts.ssb_ids import has_signed_out
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.agents.view import View
from butt.invites.book import public_bot
from butt.invites.opening import invites_a_day
from butt.peers import aliases, members
from butt.peers.following import Relation
from butt.peers.signing_in import NoSignIn, Why
from butt.public.letters import say
from butt.public.pages.challenges import Purpose, begin
from butt.public.pages.sorry import sorry

_MEMBERS = "member_of"
STAYS = timedelta(hours=12)
ALIAS_MODES = frozenset({"open", "community"})
"""The room modes in which members can have aliases."""


def _of_a_room(
    page: Callable[..., HttpResponse],
) -> Callable[..., HttpResponse]:
    """A public bot's page, if its members can have aliases."""

    @never_cache
    @wraps(page)
    def wrapped(request: HttpRequest, name: str, **more: str) -> HttpResponse:
        view = public_bot(name)
        if view is None or not has_members_page(view):
            raise Http404
        try:
            return page(request, view, **more)
        except (Refused, NoSignIn) as no:
            is_too_often = isinstance(no, NoSignIn) and no.why is Why.TOO_OFTEN
            status, wait = (429, 300) if is_too_often else (503, 5)
            return sorry(request, "not now", str(no), status, wait=wait)

    return wrapped


def has_members_page(view: View) -> bool:
    return view.room_mode in ALIAS_MODES


@require_http_methods(["GET", "HEAD", "POST"])
@_of_a_room
def member(request: HttpRequest, view: View) -> HttpResponse:
    """Shows who they are here and their aliases; or how to sign in."""
    bot, ssb_id = view.agent, signed_in_as(request, view.agent)
    if ssb_id is None:
        if request.method != "POST":
            return render(request, "ssb/member_start.html", {"bot": view})
        begin(request, bot, Purpose.MEMBER)
        return redirect("login-app")
    found = members.one(bot, ssb_id)
    is_member = found is not None and found.relation is Relation.FOLLOWS
    shown = {
        "bot": view,
        "ssb_id": ssb_id,
        "member": found if is_member else None,
        "invites": invites_a_day(bot),
    }
    return render(request, "ssb/member.html", shown)


@require_POST
@_of_a_room
def revoke(request: HttpRequest, view: View, alias: str) -> HttpResponse:
    ssb_id = signed_in_as(request, view.agent)
    if ssb_id is not None:
        aliases.revoke_own(view.agent, ssb_id, alias)
    return redirect("member", view.agent.name)


@require_POST
@_of_a_room
def sign_out(request: HttpRequest, view: View) -> HttpResponse:
    kept = request.session.get(_MEMBERS, {})
    if kept.pop(str(view.agent.id), None):
        request.session[_MEMBERS] = kept
    return redirect("profile", view.agent.name)


def proven(request: HttpRequest, bot: Agent, ssb_id: str) -> HttpResponse:
    """The app has proved that this id belongs to whoever uses this browser."""
    # Anybody who knew the session's key before does not know the new one.
    request.session.cycle_key()
    mine = {**request.session.get(_MEMBERS, {}), str(bot.id): [ssb_id, timezone.now().isoformat()]}
    request.session[_MEMBERS] = mine
    say(request, f"Signed in at {bot.name}.")
    return redirect("member", bot.name)


def signed_in_as(request: HttpRequest, bot: Agent) -> str | None:
    """The SSB id that was proven in this browser through this bot, until it is signed out here or in the app."""
    ssb_id, since = request.session.get(_MEMBERS, {}).get(str(bot.id), (None, ""))
    if ssb_id is None:
        return None
    at = datetime.fromisoformat(since)
    if timezone.now() - at > STAYS or has_signed_out(bot, ssb_id, at):
        return None
    return str(ssb_id)
