"""Tells open pages that something of theirs changed, with server-sent events.

A page carries the `mark` of what it shows; the stream sends the current mark, and the page reloads itself
when they differ. When rows that pages show have changed, one query serves all pages that are open on this
server.
"""

import asyncio
import hashlib
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextvars import Context

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from butt.accounts.models import Account
from butt.agents.bots import bots
from butt.agents.models import Agent, Belongs, Observed, Progress, Wanted
from butt.agents.summaries import summarise
from butt.agents.view import View
from butt.invites.book import InviteEntry, entries_of
from butt.invites.models import Invite, InviteUse
from butt.limits.networks import network_of
from butt.limits.table import ADDRESS_PAGES, PERSON_PAGES, Limit
from butt.public.addresses import address_of
from butt.public.holding import hold
from butt.waking.listening import WriteEvent, listening

log = logging.getLogger("butt.public")

PACE, SELDOM, AFTER_TROUBLE = 0.25, 5.0, 2.0
"""Seconds between looks: at least, and at most if nothing is written."""

SHOWN = (Agent, Belongs, Wanted, Progress, Observed, Invite, InviteUse)
STREAM_SECONDS = 300
INVITES = "/invites"
LONGEST_NAME = 60
"""The longest name, in characters, of what a page shows: a bot's name and one of its pages."""

GONE = "gone"
"""The mark of what no longer exists."""

RETRY = "retry: 1000\n\n"
"""The start of a stream: the browser reconnects this many milliseconds after the stream ends."""


def mark(views: Iterable[View]) -> str:
    """A short digest of everything that a page shows of these bots and that changes by itself."""
    shown = sorted((v.agent.name, v.state.value, v.reason, v.wanted, *v.place) for v in views)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def status_mark(view: View) -> str:
    """The mark of the status page: it also shows figures, and their time tells whether there are new ones."""
    return f"{mark([view])}-{view.observed_at:%s%f}" if view.observed_at else mark([view])


def invites_mark(view: View, entries: Iterable[InviteEntry]) -> str:
    """The mark of the invites page: it shows who joined with which, and which can still be used."""
    shown = [
        (
            e.invite.id,
            e.state,
            [
                (use.sequence, use.name, use.messages, use.seen_at and f"{use.seen_at:%F %R}", came)
                for use, came in e.guests
            ],
        )
        for e in entries
    ]
    return f"{mark([view])}-{hashlib.sha256(repr(shown).encode()).hexdigest()[:16]}"


class Board:
    """The newest marks of everybody who has a page open.

    `{"": of all their bots, NAME: of one, NAME/status: of its figures, NAME/invites: of its invites}`, the
    last only for those who have that page open.
    """

    def __init__(self) -> None:
        self._marks: dict[uuid.UUID, dict[str, str]] = {}
        self._open: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._written: WriteEvent | None = None

    async def follow(self, person_id: uuid.UUID, name: str) -> AsyncIterator[str]:
        """The mark of this page now, and whenever it changes. Ends after `STREAM_SECONDS`; the browser then
        reconnects.
        """
        self._open[person_id][name] += 1
        if self._written:
            self._written.set()
        if self._task is None or self._task.done():
            # In a context of its own, as it outlives the request that started it, and that request's thread.
            self._task = asyncio.create_task(self._look(), context=Context())
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                sent = None
                while True:
                    async with self._changed:
                        await self._changed.wait_for(
                            lambda: self._marks.get(person_id, {}).get(name) not in (None, sent)  # noqa: B023
                        )
                        sent = self._marks[person_id][name]
                    yield sent
        except TimeoutError:
            return
        finally:
            self._open[person_id][name] -= 1
            if not self._open[person_id].total():
                del self._open[person_id]
                self._marks.pop(person_id, None)

    async def _look(self) -> None:
        with listening(*SHOWN, ignoring=("due_at",)) as written:
            await self._look_when(written)

    async def _look_when(self, written: WriteEvent) -> None:
        self._written = written
        while self._open:
            try:
                marks = await sync_to_async(_marks_of)(
                    {who: set(+names) for who, names in self._open.items()}
                )
            except Exception:
                log.exception(
                    "open pages cannot be told what changed; the next try is in %g s", AFTER_TROUBLE
                )
                # A connection that the database closed when it restarted would otherwise be used for ever.
                await sync_to_async(close_old_connections)()
                await asyncio.sleep(AFTER_TROUBLE)
                continue
            async with self._changed:
                self._marks = marks
                self._changed.notify_all()
            await asyncio.sleep(PACE)
            await written.wait_async(SELDOM)


def _marks_of(people: dict[uuid.UUID, set[str]]) -> dict[uuid.UUID, dict[str, str]]:
    """The marks for each of these people, who have the pages with these names open."""
    owners: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in Belongs.objects.filter(target_agent__in=people):
        owners[row.source_agent_id].append(row.target_agent_id)
    theirs: dict[uuid.UUID, list[View]] = {person: [] for person in people}
    for bot in summarise(bots().filter(id__in=owners)):
        for person in owners[bot.id]:
            theirs[person].append(View(bot))
    inviting = {
        view.agent.id: view.agent
        for person, views in theirs.items()
        for view in views
        if f"{view.agent.name}{INVITES}" in people[person]
    }
    invites = entries_of(inviting.values()) if inviting else {}
    return {
        person: {
            **dict.fromkeys(people[person], GONE),
            "": mark(views),
            **{view.agent.name: mark([view]) for view in views},
            **{f"{view.agent.name}/status": status_mark(view) for view in views},
            **{
                f"{view.agent.name}{INVITES}": invites_mark(view, invites[view.agent.id])
                for view in views
                if view.agent.id in invites
            },
        }
        for person, views in theirs.items()
    }


board = Board()


def may_stream(request: HttpRequest, limit: Limit, person_id: uuid.UUID) -> bool:
    """Whether there is a place for one more stream of this person, and of the address they come from."""
    address = f"address {network_of(address_of(request))}"
    return hold(request, limit, f"person {person_id}") and hold(request, ADDRESS_PAGES, address)


def too_many_streams() -> HttpResponse:
    """The page stays as it was loaded. Its browser does not ask again."""
    return HttpResponse(status=204)


def event_stream(events: AsyncIterator[str]) -> StreamingHttpResponse:
    """Server-sent events, sent at once: no proxy buffers them."""
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """`GET /live?bot=NAME`: a stream of marks for one of the person's bots, or for all without `bot`.

    With `/status` after the name, it also announces new figures; with `/invites`, who joined with them. The
    stream itself runs on the event loop and uses neither a thread nor a database connection.
    """
    account = request.user
    if not isinstance(account, Account) or request.session.get("look"):
        return HttpResponse(status=204)
    person_id, name = account.agent_id, request.GET.get("bot", "")[:LONGEST_NAME]
    if not may_stream(request, PERSON_PAGES, person_id):
        return too_many_streams()

    async def events() -> AsyncIterator[str]:
        yield RETRY
        async for mark in board.follow(person_id, name):
            yield f"data: {mark}\n\n"

    return event_stream(events())
