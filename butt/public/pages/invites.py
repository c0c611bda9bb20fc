"""The invites of one bot: who joined with them, making one, and revoking one."""

import uuid
from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from butt.agents.actions import Refused, describe
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent, Role
from butt.agents.view import View
from butt.invites import book, making, opening
from butt.invites.models import MOST_USES, Invite
from butt.public.live import invites_mark
from butt.public.pages.person import for_person

TERMS = {"": "never", "1": "in a day", "7": "in a week", "30": "in 30 days", "365": "in a year"}
"""After how many days an invite may expire."""

FIELDS = {"expiresAt": "expires", "Idempotency-Key": ""}


@require_safe
@for_person
def invites(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    return render(request, "bot/invites.html", _shown(bot_by_name(person, name, Role.MODERATOR)))


@for_person
def new(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    bot = bot_by_name(person, name, Role.MODERATOR)
    said = {"bot": View(bot), "terms": TERMS, "most_uses": MOST_USES, "uses": "1", "expires": ""}
    said["key"] = str(uuid.uuid4())
    if request.method != "POST":
        return render(request, "bot/new_invite.html", said)
    said |= {field: request.POST.get(field, "") for field in ("name", "uses", "expires")}
    try:
        uses, days = _number(said["uses"], "uses"), _number(said["expires"] or "0", "expires")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        key = _key(request)
        making.create(person, bot, str(said["name"]), uses=uses, expires_at=expires_at, key=key)
    except Refused as no:
        field = FIELDS.get(no.field, no.field)
        errors = {field: no.message} if field else {}
        return render(
            request, "bot/new_invite.html", {**said, "errors": errors, "trouble": no.message}, status=422
        )
    return redirect("invites", bot.name)


@for_person
def revoke(request: HttpRequest, person: Agent, name: str, invite_id: uuid.UUID) -> HttpResponse:
    bot = bot_by_name(person, name, Role.MODERATOR)
    if request.method == "POST":
        try:
            making.revoke(person, bot, invite_id)
        except Invite.DoesNotExist:
            raise Http404 from None
    return redirect("invites", bot.name)


@for_person
def listing(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """Whether the bot has a public page, and what it says of itself there and in its profile."""
    bot = bot_by_name(person, name, Role.MODERATOR)
    if "public" in request.POST:
        book.set_public(bot, public=request.POST["public"] == "yes")
    if "invites" in request.POST:
        try:
            opening.set_invites_a_day(person, bot, _number(request.POST["invites"], "invites"))
        except Refused as no:
            said = {"a_day": request.POST["invites"], "a_day_error": no.message, "passing": False}
            return render(request, "bot/invites.html", {**_shown(bot), **said}, status=422)
    if "description" in request.POST:
        try:
            describe(person, bot, request.POST["description"])
        except Refused as no:
            said = {"description": request.POST["description"], "error": no.message, "passing": False}
            return render(request, "bot/invites.html", {**_shown(bot), **said}, status=422)
    return redirect("invites", bot.name)


def _shown(bot: Agent) -> dict[str, object]:
    view, entries, listing = View(bot), book.entries(bot), book.listing_of(bot)
    return {
        "bot": view,
        "used": [entry for entry in entries if entry.used],
        "unused": sorted((e for e in entries if not e.used), key=lambda e: not e.is_open),
        "public": listing.public,
        "a_day": listing.invites_a_day,
        "most_a_day": opening.MOST_A_DAY,
        "description": bot.description,
        "passing": view.state.is_passing,
        "mark": invites_mark(view, entries),
        "tab": "invites",
    }


def _key(request: HttpRequest) -> uuid.UUID | None:
    """The same key if the same form is sent twice. Going back and changing the form means another invite."""
    try:
        form = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return None
    return uuid.uuid5(form, "\n".join(request.POST.get(field, "") for field in ("name", "uses", "expires")))


def _number(text: object, field: str) -> int:
    digits = str(text).strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4):  # noqa: PLR2004 - more than any bound
        raise Refused("bad_uses", "Give a whole number.", field)
    return int(digits)
