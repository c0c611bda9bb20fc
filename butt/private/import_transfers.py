"""`GET /agents/{minionId}/cargo/{botId}`: the data of an imported bot, for the machine on which it was placed."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from butt.exports.gathering import gathered
from butt.exports.tar import packed
from butt.hosts.bundles import moving
from butt.hosts.interface import Folder
from butt.machines.import_transfers import for_machine
from butt.private.gate import answer


@require_safe
def import_transfer(request: HttpRequest, minion_id: str, bot_id: uuid.UUID) -> HttpResponseBase:  # noqa: ARG001
    """A tar stream; it is complete only if all of it was sent."""
    place = for_machine(minion_id, bot_id)
    if place is None:
        return answer(404, "no_import", "There is nothing for this machine under that id.")
    everything = moving(Folder(place))
    tar = packed(everything.items, everything.tar_size, int(time.time()))
    response = StreamingHttpResponse(_flowing(tar), content_type="application/x-tar")
    response["Content-Length"] = str(everything.tar_size)
    return response


async def _flowing(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(gathered, chunks):
        yield chunk
