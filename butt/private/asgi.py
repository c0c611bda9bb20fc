"""The private server: for machines, the Salt master and Prometheus. Nothing is read from anyone without a token.

Each machine has a share of the work and of the transfers at any time, as every machine belongs to somebody.
"""

import io
from collections import Counter
from functools import partial
from typing import Any

from django.db import close_old_connections
from django.http import HttpResponse

from butt.limits.slowed import note
from butt.limits.table import ADDRESS_REQUESTS, MACHINE_REQUESTS, MACHINE_UPLOADS
from butt.machines.reports import MOST_BYTES
from butt.private.exports import receive_export
from butt.private.gate import OPEN_TO_ALL, VAULT, name_of, refusal_of
from butt.private.pillars import send_pillar
from butt.private.sending import send_answer
from butt.private.vault import MOST_BYTES as MOST_OF_THE_VAULT
from butt.serving.answers import answer, answer_full, answer_too_slow
from butt.serving.bodies import Bodies, HungUp, TooBig, TooSlow
from butt.serving.clients import Client, client_of
from butt.serving.measured import Measured
from butt.serving.pages import Pages, announced
from butt.serving.pool import ClientGone, FairPool, Full

THREADS = 16
VAULT_THREADS = 4
"""A slow vault blocks only these threads, and never what machines report."""

READING = frozenset({"GET", "HEAD"})
CLOSE = (b"connection", b"close")


class PrivateHandler(Pages):
    def __init__(self) -> None:
        super().__init__(watched=OPEN_TO_ALL)
        self._pool = FairPool("private", THREADS, MACHINE_REQUESTS, ADDRESS_REQUESTS)
        self._bodies = Bodies()
        self._transfers: Counter[str] = Counter()
        self._vault = FairPool("vault", VAULT_THREADS, MACHINE_REQUESTS, ADDRESS_REQUESTS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = (scope["method"], name_of(scope["path"]))
        if kind[1] == "pillar" and kind[0] in READING:
            await send_pillar(scope, send)
            return
        if kind[1] in self.watched:
            await self.tell_watcher(kind[1], partial(self.respond, scope, io.BytesIO()), send)
            return
        client = client_of(scope, "")
        try:
            if kind == ("PUT", "export"):
                await self._transfer(client, scope, send, partial(receive_export, scope, receive, send))
            elif kind[1] == "cargo":
                await self._transfer(client, scope, send, partial(self._page, client, scope, receive, send))
            elif kind[1] in VAULT:
                most = MOST_OF_THE_VAULT.get(kind[1] or "", MOST_BYTES)
                work = partial(self._page, client, scope, receive, send, self._vault, most)
                await self._transfer(client, scope, send, work)
            else:
                await self._page(client, scope, receive, send)
        except (HungUp, ClientGone):
            return
        except TooBig:
            most = MOST_OF_THE_VAULT.get(kind[1] or "", MOST_BYTES)
            await answer(scope, send, 413, "too_big", f"At most {most} bytes are accepted.")
        except TooSlow:
            await answer_too_slow(scope, send)
        except Full:
            await answer_full(scope, send)

    async def _page(
        self,
        client: Client,
        scope: Any,
        receive: Any,
        send: Any,
        pool: FairPool | None = None,
        most: int = MOST_BYTES,
    ) -> None:
        is_gone = scope.get("butt.is_gone", lambda: False)
        if scope["method"] not in READING and await self._is_refused(client, scope, send):
            return
        with await self._bodies.whole(client, receive, announced(scope), most) as body:
            response = await (pool or self._pool).run(client, partial(self.respond, scope, body), is_gone)
        await self.deliver(response, receive, send)

    async def _is_refused(self, client: Client, scope: Any, send: Any) -> bool:
        """Whether the request is not allowed; if so, the refusal has been sent."""
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        refusal = await self._pool.run(client, partial(_refusal, given, scope["path"]))
        if refusal:
            await send_answer(refusal, send, CLOSE)
        return refusal is not None

    async def _transfer(self, client: Client, scope: Any, send: Any, work: Any) -> None:
        """A large transfer to or from a machine."""
        if await self._is_refused(client, scope, send):
            return
        machine = scope["path"].split("/")[2]
        if self._transfers[machine] >= MACHINE_UPLOADS.most:
            note(MACHINE_UPLOADS, f"machine {machine}")
            await answer(scope, send, 429, "too_many_requests", "Transfer less at once.", retry=10)
            return
        self._transfers[machine] += 1
        try:
            await work()
        finally:
            self._transfers[machine] -= 1
            if not self._transfers[machine]:
                del self._transfers[machine]


def _refusal(authorization: str, path: str) -> HttpResponse | None:
    try:
        return refusal_of(authorization, path)
    finally:
        close_old_connections()


application = Measured(PrivateHandler())
