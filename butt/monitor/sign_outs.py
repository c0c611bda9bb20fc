"""Listening to bots' pubs for people who signed out in their app, over the connections that are kept anyway."""

import asyncio
import logging
import uuid
from contextlib import aclosing
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.utils import timezone
from pydantic import BaseModel, Field, ValidationError

from butt.accounts.ssb_ids import note_sign_out
from scuttlekit import Peer, RemoteError, ScuttlebuttError

log = logging.getLogger("butt.monitor")

PACE: Final = 0.1
"""Seconds from one message of a bot to the next: the bot may be anybody's program."""

AGAIN, LATER = 5.0, 60.0
"""Seconds until a bot is asked again: after its stream ended, and after it refused, as an older release does."""


class _SignOut(BaseModel):
    id: str = Field(pattern=r"^@[A-Za-z0-9+/]{43}=\.ed25519$")
    at: int = Field(ge=0, le=2**53)


async def attend(bot_id: uuid.UUID, peer: Peer) -> None:
    """Listen to a bot that has proven its identity, until its connection ends, when this is cancelled at the latest."""
    while peer.is_open:
        pause = AGAIN
        try:
            await _listen(bot_id, peer)
        except RemoteError as error:
            log.info("%s tells nothing of who signed out: %s", bot_id, error)
            pause = LATER
        except ScuttlebuttError as error:
            log.debug("%s stopped telling who signed out: %s", bot_id, error)
        except Exception:
            # The pub repeats all of it to whoever listens again.
            log.exception("cannot write who signed out of %s; trying again", bot_id)
        await asyncio.sleep(pause)


async def _listen(bot_id: uuid.UUID, peer: Peer) -> None:
    async with aclosing(peer.source("butt.signOuts")) as pushes:
        async for item in pushes:
            if (heard := _checked(item)) is not None:
                await sync_to_async(note_sign_out)(bot_id, heard.id, heard.at, timezone.now())
            await asyncio.sleep(PACE)


def _checked(item: Any) -> _SignOut | None:
    """Nonsense from a bot is skipped."""
    try:
        return _SignOut.model_validate(item)
    except ValidationError:
        return None
