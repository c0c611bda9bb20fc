"""The public server: pages in a few threads that keep their database connection, streams on the event loop.

Django alone starts a thread, and with it a database connection, for each request, and switches between
threads and the event loop five times: that took longer than most pages do. Here a request moves to a thread
once, and its answer back. Clients take turns for threads, and slow requests have threads of their own. Django
also stores every body before a view is asked whether it wants one: here a body is small, or the view reads it
as it arrives.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from butt.accounts import browsers as known_browsers
from butt.accounts import hashing
from butt.limits.table import (
    ADDRESS_READS,
    ADDRESS_REQUESTS,
    ADDRESS_SLOW_REQUESTS,
    ADDRESS_WORK,
    CLIENT_READS,
    CLIENT_REQUESTS,
    CLIENT_SLOW_REQUESTS,
    IMPORTS,
)
from butt.public import again, browsers, holding
from butt.public.refusals import RefusalCode, refuse
from butt.public.threads import is_slow
from butt.public.uploads import VIEWS, Incoming, NoUploadSlot, Receive, UploadSlots, forget, sender_of
from butt.serving.answers import answer_full, answer_too_slow
from butt.serving.bodies import Bodies, HungUp, TooBig, TooSlow
from butt.serving.clients import Client, KnownClients, client_of, cookie_of
from butt.serving.measured import Measured
from butt.serving.pages import Pages, announced
from butt.serving.pool import ClientGone, FairPool, Full, Share

THREADS, SLOW_THREADS, READING_THREADS = 6, 10, 4
"""Pages are rendered in Python, by one thread at a time: more threads do no more work, and each page takes longer."""

LONGEST_KEPT = 200
"""The longest path, in characters, whose view is cached."""

MOST_KNOWN = 10_000
"""How many clients with an account are remembered, to tell them from strangers."""

Send = Any


class PublicServer(Pages):
    def __init__(self) -> None:
        super().__init__(watched=("up", "ready"))
        share = Share(ADDRESS_WORK)
        self._pages = FairPool("page", THREADS, CLIENT_REQUESTS, ADDRESS_REQUESTS, share)
        self._slow = FairPool("slow", SLOW_THREADS, CLIENT_SLOW_REQUESTS, ADDRESS_SLOW_REQUESTS, share)
        self._reading = FairPool("reading", READING_THREADS, CLIENT_READS, ADDRESS_READS, share)
        self._uploads = ThreadPoolExecutor(IMPORTS.most, "upload")
        self._bodies, self._places = Bodies(), UploadSlots()
        self._known = KnownClients(MOST_KNOWN)
        self._document: HttpResponseBase | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        name, held = _view(scope["path"]), holding.Held()
        asked = IncomingRequest(scope, held, self._known)
        try:
            if name in self.watched:
                await self.tell_watcher(name, partial(self._respond, asked, io.BytesIO()), send)
            elif name == "document" and scope["method"] in ("GET", "HEAD"):
                await self._tell_of_the_api(asked, send)
            elif scope["method"] == "POST" and name in VIEWS:
                await self._take(asked, receive, send)
            else:
                await self._page(
                    asked, self._slow if is_slow(name, scope["method"]) else self._pages, receive, send
                )
        except (HungUp, ClientGone):
            return
        except TooBig:
            await self._refuse(asked, RefusalCode.TOO_BIG, receive, send)
        except TooSlow:
            await answer_too_slow(scope, send)
        except Full:
            await answer_full(scope, send)
        finally:
            held.close()
            if asked.is_somebodys:
                self._known.add(asked.client)

    async def _tell_of_the_api(self, asked: "IncomingRequest", send: Send) -> None:
        """The API document is large and the same for everybody: it is made once, so that frequent requests
        for it use no thread.
        """
        document = self._document
        if document is None:
            respond = partial(self._respond, asked, io.BytesIO())
            document = await self._pages.run(asked.client, respond, asked.is_gone)
            if document.status_code == HTTPStatus.OK:  # a refusal concerns only this request
                self._document = document
        await self.send_response(document, send)

    async def _page(self, asked: "IncomingRequest", pool: FairPool, receive: Receive, send: Send) -> None:
        with await self._bodies.whole(asked.client, receive, asked.announced) as body:
            response = await pool.run(asked.client, partial(self._respond, asked, body), asked.is_gone)
            began = asyncio.get_running_loop().time()
            while isinstance(response, again.Again):
                await asyncio.sleep(response.after)
                if asked.is_gone():
                    return
                body.seek(0)
                waited = asyncio.get_running_loop().time() - began
                run = again.Run(may_read=True, waited=waited, ask=response.ask)
                respond = partial(self._respond, asked, body, run=run)
                response = await self._reading.run(asked.client, respond, asked.is_gone)
        await self.deliver(response, receive, send)

    async def _take(self, asked: "IncomingRequest", receive: Receive, send: Send) -> None:
        """Answer a request whose view reads the body itself: only for a person, and in one of the upload slots."""
        body = Incoming(receive, asyncio.get_running_loop(), asked.announced)
        respond = partial(self._respond, asked, io.BytesIO(), incoming=body)
        person = await self._pages.run(asked.client, partial(self._sender, asked), asked.is_gone)
        if person is None:
            # The view refuses without reading any of it.
            body.has_to_go()
            response = await self._pages.run(asked.client, respond, asked.is_gone)
        else:
            try:
                async with self._places.place(person, body):
                    response = await asyncio.get_running_loop().run_in_executor(self._uploads, respond)
            except NoUploadSlot:
                await self._refuse(asked, RefusalCode.TOO_MANY, receive, send)
                return
            finally:
                await body.stop()
        if not body.is_over:
            response["Connection"] = "close"
            if body.is_awaited or not asked.waits_to_send:
                await forget(receive)
        await self.deliver(response, receive, send)

    async def _refuse(
        self, asked: "IncomingRequest", refusal: RefusalCode, receive: Receive, send: Send
    ) -> None:
        """Answer a request whose body is not wanted: part of it is read, so that its sender gets to see the
        reason.
        """
        respond = partial(self._respond, asked, io.BytesIO(), refusal=refusal)
        try:
            response = await self._pages.run(asked.client, respond, asked.is_gone)
        except (Full, ClientGone):
            return
        response["Connection"] = "close"
        if not asked.waits_to_send:
            await forget(receive)
        await self.deliver(response, receive, send)

    def _sender(self, asked: "IncomingRequest") -> Any:
        try:
            request, _ = self.create_request(asked.scope, io.BytesIO())
            return sender_of(request, of_the_api=asked.scope["path"] != "/bots/import") if request else None
        finally:
            close_old_connections()

    def _respond(self, asked: "IncomingRequest", body: Any, **how: Any) -> HttpResponseBase:
        return self.respond(asked.scope, body, partial(_prepare, asked, **how), asked.was_answered)


def _prepare(
    asked: "IncomingRequest",
    request: HttpRequest,
    *,
    run: again.Run | None = None,
    incoming: Incoming | None = None,
    refusal: RefusalCode | None = None,
) -> None:
    hashing.IS_KNOWN.set(asked.client.is_known)
    again.begin(request, run or again.Run())
    holding.begin(request, asked.held)
    if incoming is not None:
        request.META["butt.incoming"] = incoming
    if refusal is not None:
        refuse(request, refusal)


class IncomingRequest:
    """A request, as far as it is known before it is read. `held` is what it holds until it is answered."""

    def __init__(self, scope: Any, held: holding.Held, known: KnownClients) -> None:
        self.scope, self.held = scope, held
        client = client_of(scope, settings.SESSION_COOKIE_NAME)
        is_known = client in known or known_browsers.is_known(cookie_of(scope, browsers.COOKIE))
        self.client: Client = replace(client, is_known=is_known)
        self.is_somebodys = False
        self.is_gone = scope.get("butt.is_gone", lambda: False)

    def was_answered(self, request: HttpRequest) -> None:
        """The sender is known by now, if the view asked; this makes no query."""
        who = getattr(request, "auth", None) or getattr(request, "_cached_user", None)
        self.is_somebodys = who is not None and getattr(who, "is_authenticated", True)

    @property
    def announced(self) -> int:
        return announced(self.scope)

    @property
    def waits_to_send(self) -> bool:
        """Whether its sender waits for permission to send the body: reading it would give that permission."""
        return (b"expect", b"100-continue") in self.scope["headers"]


def _view(path: str) -> str | None:
    """The name of the view at `path`. Long paths are not cached: many of them would fill the memory."""
    return _view_of(path) if len(path) <= LONGEST_KEPT else _view_of.__wrapped__(path)


@lru_cache(1000)
def _view_of(path: str) -> str | None:
    try:
        return resolve(path).view_name
    except Resolver404:
        return None


application = Measured(PublicServer())
