"""Sending what a person exports: read in a thread, as fast as their browser takes it, and not a byte further."""

import asyncio
from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse

from butt.agents.models import Agent
from butt.exports.delivery import Delivery, deliver
from butt.exports.gathering import gathered
from butt.exports.parcel import Part
from butt.hosts.reading import reading

STALL_SECONDS = 300
"""For how long a browser may take nothing before it is given up."""


def export(person: Agent, bot: Agent, part: Part, *, way: str, encrypt_to: str = "") -> StreamingHttpResponse:
    """Raises `Refused` and `Unreadable`, before anything is sent."""
    delivery = deliver(person, bot, part, reading().export(bot.id, part), way=way, encrypt_to=encrypt_to)
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


async def _flowing(delivery: Delivery) -> AsyncIterator[bytes]:
    """One chunk after the other. Cancelled when the browser goes away; a read under way then ends by itself."""
    task = asyncio.current_task()
    assert task  # noqa: S101 - a coroutine that runs is part of a task
    while True:
        chunk = await asyncio.to_thread(gathered, delivery.chunks)
        if not chunk:
            return
        patience = asyncio.get_running_loop().call_later(STALL_SECONDS, task.cancel)
        try:
            yield chunk
        finally:
            patience.cancel()
