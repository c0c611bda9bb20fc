"""Sends exports: read in a thread, as fast as the browser takes them and no further ahead."""

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest, StreamingHttpResponse

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.exports.bundle import ExportPart
from butt.exports.delivery import Delivery, deliver
from butt.exports.gathering import gathered
from butt.hosts.reading import reading
from butt.limits.table import PERSON_EXPORTS
from butt.public.again import Again, read
from butt.public.holding import hold

STALL_SECONDS = 300
"""How long a browser may take nothing before the export is cancelled."""


def export(
    request: HttpRequest, person: Agent, bot: Agent, part: ExportPart, *, way: str, encrypt_to: str = ""
) -> StreamingHttpResponse | Again:
    """Counted before anything is read. Raises `Refused` and `Unreadable` before anything is sent."""
    if not hold(request, PERSON_EXPORTS, f"person {person.id}"):
        most = PERSON_EXPORTS.most
        raise Refused("too_many_exports", f"{most} exports are already running. Wait until one of them ends.")
    bundle = read(request, lambda: reading().export(bot.id, part))
    if isinstance(bundle, Again):
        return bundle
    delivery = deliver(person, bot, part, bundle, way=way, encrypt_to=encrypt_to)
    kind = {".json": "application/json", ".tar": "application/x-tar"}
    ending = delivery.name[delivery.name.rfind(".") :]
    response = StreamingHttpResponse(
        _flowing(delivery), content_type=kind.get(ending, "application/octet-stream")
    )
    response["Content-Length"] = str(delivery.size)
    response["Content-Disposition"] = f'attachment; filename="{delivery.name}"'
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _next(delivery: Delivery) -> asyncio.Future[bytes]:
    """Never two at once: all chunks come from one generator."""
    return asyncio.ensure_future(asyncio.to_thread(gathered, delivery.chunks))


async def _flowing(delivery: Delivery) -> AsyncIterator[bytes]:
    """One chunk after the other; while one is sent, the next is read. Cancelled if the browser disconnects; a
    read under way then finishes by itself.
    """
    task = asyncio.current_task()
    assert task  # nosec B101 # noqa: S101 - a coroutine that runs is part of a task
    coming = _next(delivery)
    try:
        while chunk := await coming:
            coming = _next(delivery)
            patience = asyncio.get_running_loop().call_later(STALL_SECONDS, task.cancel)
            try:
                yield chunk
            finally:
                patience.cancel()
    finally:
        coming.cancel()
