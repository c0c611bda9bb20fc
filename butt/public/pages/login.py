"""Sign in with Scuttlebutt: an app proves who somebody is, and the browser in which they began is signed in.

The challenge belongs to the session in which it was made, so a link that is passed on signs in no other
browser.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from butt.accounts.models import SsbId
from butt.accounts.ssb_ids import OPENED_BY, account_opened_by
from butt.agents.bots import bots, bots_of
from butt.agents.models import Agent
from butt.limits.networks import network_of
from butt.limits.table import ADDRESS_PAGES
from butt.peers import signing_in
from butt.peers.signing_in import NoSignIn, Why
from butt.public.addresses import address_of
from butt.public.holding import hold
from butt.public.live import RETRY, event_stream, too_many_streams
from butt.public.pages import member, ssb_ids
from butt.public.pages.challenges import Pending, Purpose, begin, check_rate, drop, pending_in
from butt.public.pages.person import person_of
from butt.public.pages.way import on_their_way_to
from butt.public.qr import drawn

LONGEST_NAME = 80
LOOK_EVERY = 1.0
"""Seconds between two checks for an app's confirmation, while a page is open."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """Asks through which bot to sign in; or an app opens this page with its id and a challenge, as the
    specification says.
    """
    said = request.POST if request.method == "POST" else request.GET
    if "ssb-http-auth" in said:
        return _from_an_app(request, said.get("cid", ""), said.get("cc", ""))
    if person_of(request):
        return redirect(on_their_way_to(request) or "dashboard")
    shown: dict[str, Any] = {
        "next": on_their_way_to(request),
        "bot": request.GET.get("bot", "")[:LONGEST_NAME],
    }
    if request.method != "POST":
        return render(request, "ssb/login.html", shown)
    shown["bot"] = request.POST.get("bot", "")[:LONGEST_NAME]
    name = shown["bot"].strip().lower().partition(".")[0]
    opens = SsbId.objects.filter(bot__name=name).values("bot_id")
    bot = bots().filter(id__in=opens).first()
    if bot is None:
        message = (
            "No account uses this bot to sign in. Sign in another way, then add your SSB id to your account."
        )
        return render(request, "ssb/login.html", {**shown, "errors": {"bot": message}}, status=422)
    try:
        begin(request, bot, Purpose.ACCOUNT, shown["next"])
    except NoSignIn as no:
        status = 429 if no.why is Why.TOO_OFTEN else 503
        return render(request, "ssb/login.html", {**shown, "errors": {"bot": no.message}}, status=status)
    return redirect("login-app")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def in_the_app(request: HttpRequest) -> HttpResponseBase:
    """Shows what to open in the app and, once it has confirmed, goes on."""
    pending = pending_in(request)
    if pending is None:
        return _start_again(
            request, "No sign-in is in progress in this browser, or it took too long. Start again."
        )
    if request.method != "POST":
        return _waiting(request, pending)
    try:
        ssb_id = signing_in.proven(pending.bot, pending.challenge)
    except NoSignIn as no:
        return _not_proven(request, pending, no)
    if ssb_id is None:
        return _waiting(request, pending, "Your app has not confirmed yet.", 409)
    # Only once: whatever the result, nobody can use it again.
    drop(request)
    return _go_on(request, pending, ssb_id)


def _not_proven(request: HttpRequest, pending: Pending, no: NoSignIn) -> HttpResponse:
    if no.why is Why.AWAY:
        return _waiting(request, pending, no.message, 503)
    drop(request)
    return _start_again(request, no.message)


def _go_on(request: HttpRequest, pending: Pending, ssb_id: str) -> HttpResponse:
    if pending.purpose is Purpose.ADD:
        return ssb_ids.proven(request, pending.bot, ssb_id)
    if pending.purpose is Purpose.MEMBER:
        return member.proven(request, pending.bot, ssb_id)
    return _open(request, pending.bot, ssb_id, pending.next)


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """A stream that sends `solved` once there is news of this browser's sign-in. It uses neither a thread nor
    a query.
    """
    pending = pending_in(request)
    if pending is None:
        return too_many_streams()
    if not hold(request, ADDRESS_PAGES, f"address {network_of(address_of(request))}"):
        return too_many_streams()

    async def events() -> AsyncIterator[str]:
        yield RETRY
        try:
            async with asyncio.timeout(signing_in.SECONDS):
                while not await signing_in.is_solved(pending.bot, pending.challenge):
                    # A comment line, by which a closed browser is noticed.
                    yield ": waiting\n\n"
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            return
        yield "data: solved\n\n"

    return event_stream(events())


def _from_an_app(request: HttpRequest, ssb_id: str, challenge: str) -> HttpResponseBase:
    """An app opened this page. It asks the app to confirm only after a click, as somebody else's link must
    sign nobody in.
    """
    try:
        asked = signing_in.requested(ssb_id, challenge)
    except NoSignIn as no:
        return _start_again(request, no.message, 400)
    if request.method != "POST":
        return render(request, "ssb/asked.html", {"asked": asked})
    try:
        check_rate(request)
        bot, found = signing_in.ask_the_app(asked)
    except NoSignIn as no:
        return _start_again(request, no.message, 429 if no.why is Why.TOO_OFTEN else 403)
    if SsbId.objects.filter(bot=bot, ssb_id=found).exists():
        return redirect("dashboard") if person_of(request) else _open(request, bot, found, "")
    return member.proven(request, bot, found)


def _open(request: HttpRequest, bot: Agent, ssb_id: str, target: str) -> HttpResponse:
    """Sign in to the account that this id opens. A second factor is still required, as an app may be tricked
    into confirming.
    """
    account = account_opened_by(bot, ssb_id)
    if account is None:
        return _start_again(
            request,
            f"{ssb_id} does not sign in to any account through {bot.name}. Sign in another way, then add it to your account.",
            403,
        )
    request.session[OPENED_BY] = [str(bot.id), ssb_id]
    record_authentication(request, account, method="ssb", ssb_id=ssb_id)
    target = target or reverse("dashboard" if bots_of(account.agent).exists() else "newbie")
    coming = Login(user=account, email=account.email, redirect_url=target)
    answer: HttpResponse = perform_login(request, coming)
    return answer


def _waiting(request: HttpRequest, pending: Pending, trouble: str = "", status: int = 200) -> HttpResponse:
    uri = signing_in.uri_of(pending.bot, pending.challenge)
    shown = {
        "bot": pending.bot,
        "uri": uri,
        "qr": drawn(uri),
        "trouble": trouble,
        "back": {
            Purpose.ADD: reverse("ssb-ids"),
            Purpose.MEMBER: reverse("profile", args=[pending.bot.name]),
        }.get(pending.purpose, reverse("start")),
    }
    return render(request, "ssb/app.html", shown, status=status)


def _start_again(request: HttpRequest, message: str, status: int = 410) -> HttpResponse:
    return render(request, "ssb/again.html", {"message": message}, status=status)
