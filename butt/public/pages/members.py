"""The members of a bot: whom it follows and blocks, in pages."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent, Role
from butt.agents.view import View
from butt.invites.models import Invite
from butt.peers import aliases, following
from butt.peers import members as rules
from butt.peers.following import Relation
from butt.public.letters import say
from butt.public.live import mark
from butt.public.pages.person import for_person
from butt.services.interface import ServicePart

SORTS = {
    "-since": "newest first",
    "since": "oldest first",
    "name": "by name",
    "-seen": "last seen first",
    "seen": "longest not seen first",
}
SORTS_OF_KEPT = {
    "-messages": "most messages first",
    "-bytes": "most bytes of messages first",
    "-blobBytes": "most bytes of blobs first",
}
SHOWN = {
    "": ("all", rules.SHOWN),
    "follows": ("followed", (Relation.FOLLOWS,)),
    "blocks": ("blocked", (Relation.BLOCKS,)),
    "none": ("no more", (Relation.NONE,)),
}
SAID = {
    Relation.FOLLOWS: "It follows {}.",
    Relation.BLOCKS: "It now blocks {}. Their connection ends, and its feed says so to everybody.",
    Relation.NONE: "It neither follows nor blocks {} now.",
}
NUMBER_DIGITS = 9


@for_person
def members(request: HttpRequest, person: Agent, name: str) -> HttpResponseBase:
    bot = bot_by_name(person, name, Role.MODERATOR)
    asked = _asked(request)
    if request.method != "POST":
        return _shown(request, bot, asked)
    try:
        said = _change(request, person, bot)
    except Refused as no:
        return _shown(request, bot, asked, no.message)
    say(request, said)
    return redirect(f"{reverse('members', args=[bot.name])}?{urlencode(asked)}")


def _change(request: HttpRequest, person: Agent, bot: Agent) -> str:
    if "unfollow-all" in request.POST:
        invite = _invite(bot, request.POST["unfollow-all"])
        count = rules.unfollow_who_came_by(person, bot, invite.id)
        return f"It no longer follows the {count} who joined with “{invite.name}”."
    if "revoke-alias" in request.POST:
        alias = request.POST["revoke-alias"]
        aliases.take_away(person, bot, alias)
        return f"The alias {alias[:100]} is revoked."
    try:
        relation = Relation(request.POST.get("relation", ""))
    except ValueError:
        raise Refused("bad_request", "There is no such action.") from None
    return SAID[relation].format(following.relate(person, bot, request.POST.get("feed", ""), relation))


def _shown(request: HttpRequest, bot: Agent, asked: dict[str, str], trouble: str = "") -> HttpResponse:
    view = View(bot)
    keeps = ServicePart.LIMITS in view.service.parts
    invite = _invite(bot, asked["invite"]) if "invite" in asked else None
    page, silent = None, ""
    try:
        page = rules.find(
            bot,
            text=asked.get("q", ""),
            sort=asked.get("sort", "-since"),
            relations=SHOWN[asked.get("show", "")][1],
            invite=invite,
            after=int(asked.get("after", "0")),
        )
    except Refused as no:
        silent = no.message
    shown: dict[str, Any] = {
        "bot": view,
        "tab": "members",
        "mark": mark([view]),
        "passing": view.state.is_passing,
        "page": page,
        "silent": silent,
        "trouble": trouble,
        "invite": invite,
        "keeps": keeps,
        "sorts": SORTS | SORTS_OF_KEPT if keeps else SORTS,
        "shown": {value: words for value, (words, _) in SHOWN.items()},
        "asked": asked,
        "typed": request.POST.get("feed", "") if trouble else "",
    }
    if page is not None:
        shown |= {
            "first": page.after + 1,
            "last": page.after + len(page.members),
            "follows": page.counts[Relation.FOLLOWS],
            "blocks": page.counts[Relation.BLOCKS],
            "before": _turned(asked, max(0, page.after - rules.PAGE)) if page.after else None,
            "next": _turned(asked, page.next) if page.next is not None else None,
        }
    return render(request, "bot/members.html", shown, status=422 if trouble else 200)


def _asked(request: HttpRequest) -> dict[str, str]:
    """The parameters in the URL, without invalid ones."""
    given = request.GET
    asked = {
        "q": given.get("q", "")[: rules.LONGEST_SEARCH],
        "sort": given.get("sort", ""),
        "show": given.get("show", ""),
        "invite": given.get("invite", ""),
        "after": given.get("after", ""),
    }
    after = asked["after"]
    is_number = after.isascii() and after.isdigit() and len(after) <= NUMBER_DIGITS
    wrong = {
        "sort": asked["sort"] not in SORTS | SORTS_OF_KEPT,
        "show": asked["show"] not in SHOWN,
        "after": not is_number,
    }
    return {name: value for name, value in asked.items() if value and not wrong.get(name)}


def _turned(asked: dict[str, str], after: int) -> str:
    """The query string of another page of the same list."""
    return urlencode({**asked, "after": after})


def _invite(bot: Agent, text: str) -> Invite:
    try:
        return Invite.objects.exclude(offered_at=None).get(id=uuid.UUID(text), bot=bot)
    except (ValueError, Invite.DoesNotExist):
        raise Http404 from None
