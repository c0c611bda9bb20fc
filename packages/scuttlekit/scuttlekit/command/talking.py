"""Talking to a running pub, as its master. The holder of the pub's own secret is its master."""

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from scuttlekit.addresses import Address
from scuttlekit.command import settings
from scuttlekit.command.settings import Wrong
from scuttlekit.keys import KeyPair, decode_feed_id
from scuttlekit.network import connect
from scuttlekit.peer import Peer

PATIENCE: Final = 30.0

_EVERYWHERE: Final = {
    "::": "::1",
    "0.0.0.0": "127.0.0.1",  # nosec B104 # noqa: S104 - where to dial a pub that listens everywhere
}
_UNITS: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


async def talk(folder: Path, say: Callable[[Peer], Awaitable[str]]) -> str:
    """Connect to a folder's pub with its own key, and return the result of `say`. Raises Wrong,
    ScuttlebuttError, OSError.
    """
    config = settings.of(folder)
    try:
        keys = KeyPair.load(folder / "secret")
    except FileNotFoundError:
        raise Wrong(
            "The pub was never started: it has no secret yet. Start it with: scuttlekit start"
        ) from None
    address = Address(_EVERYWHERE.get(config.host, config.host), config.port, keys.id)
    async with connect(address, keys, network=config.network, timeout=PATIENCE) as peer:
        return await say(peer)


async def whoami(peer: Peer, _asked: argparse.Namespace) -> str:
    """The pub's id, and the address that others dial, a line each."""
    answer = await peer.call("whoami")
    return f"{answer['id']}\n{await peer.call('address')}"


async def invite(peer: Peer, asked: argparse.Namespace) -> str:
    """A new invite's code."""
    return str(await peer.call("invite.create", {"uses": asked.uses, "note": asked.note}))


async def follow(peer: Peer, asked: argparse.Namespace) -> str:
    """Follow somebody, or stop it with `--undo`; returns what is so now."""
    await peer.call("friends.follow", _id_in(asked), {"state": not asked.undo}, timeout=PATIENCE)
    return f"The pub no longer follows {asked.id}." if asked.undo else f"The pub follows {asked.id}."


async def block(peer: Peer, asked: argparse.Namespace) -> str:
    """Block somebody, or stop it with `--undo`; returns what is so now."""
    await peer.call("friends.block", _id_in(asked), {"state": not asked.undo}, timeout=PATIENCE)
    return f"The pub no longer blocks {asked.id}." if asked.undo else f"The pub blocks {asked.id}."


async def caught_up(peer: Peer, _asked: argparse.Namespace) -> str:
    await peer.call("butt.caughtUp", timeout=PATIENCE)
    return "The pub may publish."


async def status(peer: Peer, _asked: argparse.Namespace) -> str:
    (figures,) = await peer.collect("butt.figures", {}, limit=1)
    invites = await peer.call("butt.invites")
    address = await peer.call("address")
    peers = figures["peers"]
    indexing = figures["indexing"]
    lines = [
        ("id", figures["id"]),
        ("address", address),
        ("running for", _duration(figures["uptime"])),
        ("peers", f"{peers['in']} came in, {peers['out']} dialled"),
        ("messages", f"{figures['messages']} of {figures['feeds']} feeds, {figures['sequence']} of its own"),
        ("traffic", f"{_size(figures['bytesIn'])} in, {_size(figures['bytesOut'])} out"),
        ("memory", _size(figures["memory"])),
        ("disk", "being counted" if figures["disk"] is None else _size(figures["disk"])),
        ("invites", f"{sum(invite['left'] for invite in invites)} uses left of {len(invites)} codes"),
    ]
    if indexing["current"] < indexing["target"]:
        lines.append(("indexing", f"{100 * indexing['current'] // indexing['target']} %"))
    if figures["refused"]:
        lines.append(("refused", ", ".join(f"{name}: {count}" for name, count in figures["refused"].items())))
    text = "\n".join(f"{name:12} {value}" for name, value in lines)
    if figures["catchingUp"]:
        text += (
            "\n\nIt is fetching its own messages from its peers; until then it publishes nothing. If there are no newer ones, "
            "run: scuttlekit caught-up"
        )
    return text


def _id_in(asked: argparse.Namespace) -> Any:
    decode_feed_id(asked.id)
    return asked.id


def _size(count: float) -> str:
    return next(
        (f"{count / unit:.1f} {name}" for unit, name in _UNITS if count >= unit), f"{count:.0f} bytes"
    )


def _duration(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
