"""A bot that lives under a real service, called as its master calls it."""

import asyncio
import base64
import hashlib
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect
from tests.service import LONG, Person, Service, wait_for


@asynccontextmanager
async def master_of(site: Service, seen: Any) -> AsyncIterator[Peer]:
    """A connection to an alive bot, with every right."""
    keys = KeyPair.load(site.home / "identity")
    host, _, port = seen["address"].partition("~")[0].removeprefix("net:").rpartition(":")
    async with connect(Address(host, int(port), seen["ssbId"]), keys) as peer:
        yield peer


def waits_for_its_profile(site: Service, seen: Any) -> None:
    """Until the new bot's first message, in which it introduces itself: after that it publishes only on
    request.
    """

    async def latest() -> Any:
        try:
            async with master_of(site, seen) as peer:
                return await peer.call("getLatest", peer.id)
        except ScuttlebuttError:
            return None

    wait_for(lambda: asyncio.run(latest()))


async def add_blob(peer: Peer, data: bytes) -> str:
    """The blob's id, once it is stored; the pub does not say when that is."""
    async with peer.sink("blobs.add") as sink:
        for at in range(0, len(data), 60_000):
            await sink.send(data[at : at + 60_000])
    blob = f"&{base64.b64encode(hashlib.sha256(data).digest()).decode()}.sha256"
    async with asyncio.timeout(30):
        while not await peer.call("blobs.has", blob):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return blob


async def publish(peer: Peer, count: int, at_once: int = 50) -> None:
    for first in range(0, count, at_once):
        posts = [{"type": "post", "text": f"{first + n}"} for n in range(min(at_once, count - first))]
        await asyncio.gather(*[peer.call("publish", post, timeout=60) for post in posts])


def open_export(owner: Person, bot: Any, part: str) -> HTTPResponse:
    request = urllib.request.Request(f"{owner.site.url}/agents/{bot['id']}/export/{part}")
    request.add_header("Authorization", f"Bearer {owner.token}")
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=LONG)
    return answer


def save_export(owner: Person, bot: Any, part: str, place: Path) -> HTTPResponse:
    """The answer; its bytes are written to `place`."""
    with open_export(owner, bot, part) as answer, place.open("wb") as file:
        while chunk := answer.read(1 << 16):
            file.write(chunk)
        assert file.tell() == int(answer.headers["Content-Length"])
        return answer
