"""`PUT /agents/{minionId}/exports/{exportId}`: an export's bytes, written to disk as they arrive.

Django would store a whole body before it asks who sends it, so this speaks ASGI itself. It checks first who
sends the export and whether it is expected, and then accepts no more than allowed.
"""

import asyncio
import errno
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from asgiref.sync import sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.db import close_old_connections
from django.http import HttpResponse
from django.urls import resolve

from butt.machines import uploads
from butt.machines.models import Upload
from butt.private.gate import answer, refusal_of
from butt.private.sending import send_answer
from butt.serving.bodies import HungUp, TooSlow

LOOK_EVERY = 16 << 20
"""The free disk space is checked again after this many bytes."""

STALL_SECONDS, MOST_SECONDS = 60.0, 4000.0
"""How long an export may pause, and how long all of it may take."""


async def receive_export(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    # As Django does for its requests: otherwise a connection that the database closed would be used for ever.
    await sync_to_async(close_old_connections)()
    done = await _take(scope, receive)
    # After a body that was not read to its end, no other request can follow.
    await send_answer(done, send, (b"connection", b"close"))


async def _take(scope: HTTPScope, receive: ASGIReceiveCallable) -> HttpResponse:
    given = dict(scope["headers"])
    path = scope["path"]
    if refusal := await sync_to_async(refusal_of)(given.get(b"authorization", b"").decode("latin-1"), path):
        return refusal
    names = resolve(path, "butt.private.urls").kwargs
    upload = await sync_to_async(uploads.expected)(names["minion_id"], names["export_id"])
    if upload is None:
        return answer(404, "not_expected", "No such export is expected of this machine.")
    if _length(given.get(b"content-length")) > upload.most:
        return await _too_big(upload)
    draft = uploads.spooled(upload).with_suffix(f".{uuid.uuid4().hex}.draft")
    try:
        return await _write(upload, draft, _body(receive))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        await sync_to_async(uploads.refuse)(upload)
        return answer(507, "disk_full", uploads.NO_ROOM)
    finally:
        draft.unlink(missing_ok=True)


async def _write(upload: Upload, draft: Path, body: AsyncIterator[bytes]) -> HttpResponse:
    draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    size = 0
    with draft.open("xb") as file:
        async for chunk in body:
            size += len(chunk)
            if size > upload.most:
                return await _too_big(upload)
            await asyncio.to_thread(_append, file, chunk)
    if not await sync_to_async(uploads.arrived)(upload, draft):
        return answer(409, "not_expected", "This export has arrived already.")
    return HttpResponse(status=204)


def _append(file: BinaryIO, chunk: bytes) -> None:
    """Machines and the database write to the disk at the same time, so what must be left for them is checked
    with each part.
    """
    before = file.tell() // LOOK_EVERY
    file.write(chunk)
    if file.tell() // LOOK_EVERY != before and shutil.disk_usage(file.name).free < uploads.RESERVE:
        raise OSError(errno.ENOSPC, "the rest of the disk is reserved for others")


async def _body(receive: ASGIReceiveCallable) -> AsyncIterator[bytes]:
    """Raises `TooSlow` and `HungUp`."""
    ends = time.monotonic() + MOST_SECONDS
    while True:
        try:
            async with asyncio.timeout(min(STALL_SECONDS, ends - time.monotonic())):
                event = await receive()
        except TimeoutError:
            raise TooSlow from None
        if event["type"] != "http.request":
            raise HungUp
        yield event["body"]
        if not event["more_body"]:
            return


def _length(header: bytes | None) -> int:
    return int(header) if header and header.isdigit() else 0


async def _too_big(upload: Upload) -> HttpResponse:
    await sync_to_async(uploads.refuse)(upload)
    return answer(413, "too_big", f"At most {upload.most} bytes are accepted.")
