"""`butt.members`: whom the pub follows and blocks, in pages, for the service that manages it."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from scuttlekit.errors import RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import is_true, limit_in, number_in, options_in
from scuttlekit.pub.store import RELATIONS, SORTS, Member, NotReady, Search, Store
from scuttlekit.serving import Handlers

MOST: Final = 100
USUAL: Final = 50
LONGEST_SEARCH: Final = 200
LOOK: Final = 20.0
"""Seconds between checks of who is connected."""

_FURTHEST: Final = 1 << 31


class MemberCalls:
    """Answers `butt.members`. `present` returns the connected feeds, `aliases` the aliases of each feed."""

    def __init__(
        self,
        store: Store,
        present: Callable[[], Collection[str]],
        aliases: Callable[[], Mapping[str, list[str]]],
    ) -> None:
        self._store = store
        self._aliases = aliases
        self._present = present

    def handlers(self) -> Handlers:
        return {"butt.members": self._members}

    async def watch(self) -> None:
        """Record who is connected, for the life of the pub."""
        while True:
            with suppress(NotReady):
                self._look()
            await asyncio.sleep(LOOK)

    def _look(self) -> None:
        self._store.see(self._present())

    async def _members(self, _peer: Peer, asked: Any = None, *_: Any) -> dict[str, Any]:
        search = read_search(options_in(asked))
        self._look()
        found, total = self._store.find_members(search)
        present, aliases = self._present(), self._aliases()
        return {
            "members": [
                {**_told(member, is_here=member.id in present), "aliases": aliases.get(member.id, [])}
                for member in found
            ],
            "total": total,
            "counts": self._store.count_members(),
        }


def read_search(given: Any) -> Search:
    """Read the search options. Raises RemoteError."""
    # Names are compared with lists, because a peer may send unhashable values.
    relations, text, note = given.get("relations", ["follows", "blocks"]), given.get("q"), given.get("note")
    if not (isinstance(relations, list) and relations and all(name in list(RELATIONS) for name in relations)):
        raise RemoteError(f"relations must be a list of {', '.join(RELATIONS)}")
    if not all(value is None or _is_short(value) for value in (text, note)):
        raise RemoteError(f"q and note must be strings of at most {LONGEST_SEARCH} characters")
    if (sort := given.get("sort", "since")) not in list(SORTS):
        raise RemoteError(f"sort must be one of {', '.join(SORTS)}")
    after = number_in(given, "after") or 0
    if not 0 <= after < _FURTHEST:
        raise RemoteError("after is how many are passed over")
    limit = limit_in(given)
    return Search(
        relations=tuple(dict.fromkeys(relations)),
        text=text or "",
        note=note,
        sort=sort,
        descending=is_true(given, "descending", default=True),
        after=int(after),
        limit=USUAL if limit is None else min(limit, MOST),
    )


def _is_short(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_SEARCH:
        return False
    # SQLite cannot take these: it ends a text at NUL, and a lone surrogate is not valid text.
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)


def _told(member: Member, *, is_here: bool) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": member.name,
        "relation": member.relation,
        "since": member.since,
        "note": member.note,
        "seen": member.seen or None,
        "here": is_here,
        "messages": member.messages,
        "bytes": member.bytes,
        "blobBytes": member.blob_bytes,
    }
