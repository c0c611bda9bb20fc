"""A bot's own log: the newest line first, with new lines as they arrive."""

from collections.abc import AsyncIterator, Iterable, Sequence

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from butt.accounts.models import Account
from butt.agents import botlog
from butt.agents.bots import NotAnOwner, bot_by_name
from butt.agents.models import Agent
from butt.agents.view import View
from butt.hosts.reading import Unreadable, reading
from butt.limits.table import PERSON_LOGS
from butt.public import following
from butt.public.again import Again, read
from butt.public.live import RETRY, event_stream, mark, may_stream, too_many_streams
from butt.public.pages.person import for_person


@require_safe
@for_person
def log(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    view = View(bot_by_name(person, name))
    lines: list[str] | Again = []
    trouble = ""
    try:
        lines = read(request, lambda: following.last(reading(), view.agent.id))
    except Unreadable as error:
        trouble = str(error)
    if isinstance(lines, Again):
        return lines
    return render(
        request,
        "bot/log.html",
        {
            "bot": view,
            "lines": _newest_first(lines, view),
            "read": following.mark(lines),
            "trouble": trouble,
            "most": following.LINES,
            "mark": mark([view]),
            "tab": "status",
        },
    )


@require_safe
def lines(request: HttpRequest, name: str) -> HttpResponseBase:
    """`GET /bots/NAME/log/lines?read=MARK`: a stream of new lines, as items of the page's list."""
    account = request.user
    if not isinstance(account, Account):
        return HttpResponse(status=204)
    try:
        bot, source = bot_by_name(account.agent, name), reading()
    except (Agent.DoesNotExist, NotAnOwner):
        raise Http404 from None
    except Unreadable:
        return HttpResponse(status=204)
    if not may_stream(request, PERSON_LOGS, account.agent_id):
        return too_many_streams()
    view, read = View(bot), request.headers.get("Last-Event-ID") or request.GET.get("read", "")

    async def events() -> AsyncIterator[str]:
        yield RETRY
        async for news, end in following.follow(bot.id, source, read):
            yield await sync_to_async(_event, thread_sensitive=False)(news, end, view)

    return event_stream(events())


def _event(news: Sequence[str], end: str, view: View) -> str:
    html = render_to_string("bot/lines.html", {"lines": _newest_first(news, view)})
    data = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"id: {end}\n{data}\n"


def _newest_first(lines: Iterable[str], view: View) -> list[botlog.LogLine]:
    own = (view.ssb_id or "", view.agent.progress.address)
    return botlog.shown(lines, own)[::-1]
