"""The table of calls: the name and kind of each, and who may call it.

Names, kinds and what strangers may call are as in ssb-server and in rooms. What a room answers depends on its
mode, see `pub.room.privacy`. A name in the table without a handler, or a handler without a name in the table,
is an error at startup.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from scuttlekit.serving import Handlers


class Who(IntEnum):
    """Who may call something. Each level includes the ones below it."""

    ANYBODY = 0
    GUEST = 1
    """A peer that connects with the key of an invite."""
    MASTER = 2


class Call(NamedTuple):
    """A call of the pub: its name, its kind in muxrpc (sync, async, source, duplex), and who may make it."""

    name: str
    kind: str
    who: Who = Who.MASTER


TABLE: Final = (
    Call("manifest", "sync", Who.ANYBODY),
    Call("gossip.ping", "duplex", Who.ANYBODY),
    Call("ebt.replicate", "duplex", Who.ANYBODY),
    Call("createHistoryStream", "source", Who.ANYBODY),
    Call("room.metadata", "async", Who.ANYBODY),
    Call("room.attendants", "source", Who.ANYBODY),
    Call("room.registerAlias", "async", Who.ANYBODY),
    Call("room.revokeAlias", "async", Who.ANYBODY),
    Call("room.listAliases", "async", Who.ANYBODY),
    Call("httpAuth.sendSolution", "async", Who.ANYBODY),
    Call("httpAuth.invalidateAllSolutions", "async", Who.ANYBODY),
    Call("tunnel.isRoom", "async", Who.ANYBODY),
    Call("tunnel.announce", "sync", Who.ANYBODY),
    Call("tunnel.leave", "sync", Who.ANYBODY),
    Call("tunnel.ping", "sync", Who.ANYBODY),
    Call("tunnel.endpoints", "source", Who.ANYBODY),
    Call("tunnel.connect", "duplex", Who.ANYBODY),
    Call("invite.use", "async", Who.GUEST),
    Call("getAddress", "async", Who.GUEST),
    Call("blobs.has", "async", Who.ANYBODY),
    Call("blobs.get", "source", Who.ANYBODY),
    Call("blobs.getSlice", "source", Who.ANYBODY),
    Call("blobs.changes", "source", Who.ANYBODY),
    Call("blobs.createWants", "source", Who.ANYBODY),
    Call("blobs.size", "async"),
    Call("blobs.ls", "source"),
    Call("blobs.add", "sink"),
    Call("blobs.rm", "async"),
    Call("blobs.want", "async"),
    Call("blobs.push", "async"),
    Call("whoami", "sync"),
    Call("address", "sync"),
    Call("version", "sync"),
    Call("status", "sync"),
    Call("progress", "sync"),
    Call("publish", "async"),
    Call("add", "async"),
    Call("get", "async"),
    Call("getLatest", "async"),
    Call("latestSequence", "async"),
    Call("getFeedState", "async"),
    Call("getVectorClock", "async"),
    Call("latest", "source"),
    Call("createLogStream", "source"),
    Call("createFeedStream", "source"),
    Call("createUserStream", "source"),
    Call("messagesByType", "source"),
    Call("links", "source"),
    Call("query.read", "source"),
    Call("private.publish", "async"),
    Call("private.unbox", "async"),
    Call("private.read", "source"),
    Call("friends.follow", "async"),
    Call("friends.block", "async"),
    Call("friends.isFollowing", "async"),
    Call("friends.isBlocking", "async"),
    Call("friends.hops", "async"),
    Call("friends.get", "async"),
    Call("friends.hopStream", "source"),
    Call("friends.createFriendStream", "source"),
    Call("friends.stream", "source"),
    Call("gossip.peers", "sync"),
    Call("gossip.get", "sync"),
    Call("gossip.add", "sync"),
    Call("gossip.remove", "sync"),
    Call("gossip.connect", "async"),
    Call("gossip.disconnect", "async"),
    Call("invite.create", "async"),
    Call("invite.accept", "async"),
    Call("butt.figures", "source"),
    Call("butt.guests", "source"),
    Call("butt.members", "async"),
    Call("butt.limit", "async"),
    Call("butt.traffic", "async"),
    Call("butt.room", "async"),
    Call("butt.alias", "async"),
    Call("butt.revokeAlias", "async"),
    Call("butt.challenge", "async"),
    Call("butt.solution", "async"),
    Call("butt.requestSolution", "async"),
    Call("butt.signOuts", "source"),
    Call("butt.invites", "async"),
    Call("butt.offer", "async"),
    Call("butt.revoke", "async"),
    Call("butt.claim", "async"),
    Call("butt.describe", "async"),
    Call("butt.announce", "async"),
    Call("butt.caughtUp", "async"),
)


class Addition(NamedTuple):
    """Additional calls of a custom pub. `handlers` is called with the pub's id at startup."""

    calls: tuple[Call, ...] = ()
    handlers: Callable[[str], Handlers] = lambda _own_id: {}


NOTHING_MORE: Final = Addition()


def allowed(who: Who, table: Sequence[Call] = TABLE) -> frozenset[str]:
    """The names of the calls that `who` may make."""
    return frozenset(call.name for call in table if call.who <= who)


def manifest(table: Sequence[Call] = TABLE) -> dict[str, Any]:
    """The manifest as in ssb-server: a tree of names, with the kind at each leaf."""
    tree: dict[str, Any] = {}
    for call in table:
        *folders, leaf = call.name.split(".")
        branch = tree
        for folder in folders:
            branch = branch.setdefault(folder, {})
        branch[leaf] = call.kind
    return tree


def complete(handlers: Handlers, table: Sequence[Call] = TABLE) -> Handlers:
    """Return the handlers if they match the table exactly, else raise RuntimeError."""
    names = {call.name for call in table}
    if odd := names ^ handlers.keys():
        raise RuntimeError(f"the table of calls and its handlers do not agree on {', '.join(sorted(odd))}")
    return handlers
