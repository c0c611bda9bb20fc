"""Who follows and blocks whom, from messages of the type `contact`, with the meaning that ssb-friends gives them.

Source: https://github.com/ssbc/ssb-friends
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import decode_feed_id

FOLLOWS: Final = 1
BLOCKS: Final = -1
NEITHER: Final = -2
"""Said of somebody who was followed or blocked before, or not even that."""

MAX_OF_ONE: Final = 10_000
"""How many others one feed may speak of. Of one that speaks of more, those it spoke of first are forgotten."""

MAX_EDGES: Final = 200_000
"""How many pairs are kept in all. Beyond, the feed that speaks of most others loses half of them."""

_KEPT_ANSWERS: Final = 4


def relation_in(content: Any) -> tuple[str, int] | None:
    """Whom a message's content speaks of, and as what: `FOLLOWS`, `BLOCKS` or `NEITHER`; None where it is no contact.

    Any JSON is taken. Whatever JavaScript takes for true blocks, and only `true` itself follows.
    """
    match content:
        case {"type": "contact", "contact": str(target)}:
            try:
                decode_feed_id(target)
            except (InvalidFormat, UnicodeEncodeError):
                return None
            if _is_truthy(content.get("blocking")) or _is_truthy(content.get("flagged")):
                return target, BLOCKS
            return target, FOLLOWS if content.get("following") is True else NEITHER
    return None


class Graph:
    """The graph, in memory. The latest message about a pair counts, so they are told in the order of the feeds."""

    def __init__(self, own: str = "") -> None:
        """Of `own` nothing is ever forgotten."""
        self._own = own
        self._edges: dict[str, dict[str, int]] = {}
        self._count = 0
        self._answers: dict[tuple[str, int], _Hops] = {}
        self.changes = 0
        """How often an answer of `hops` that was given may have become another one."""

    def __len__(self) -> int:
        """How many pairs are known."""
        return self._count

    def restore(self, edges: Iterable[tuple[str, str, int]]) -> None:
        """Have many pairs at once, of which none is known yet: `(source, target, relation)`."""
        for source, target, relation in edges:
            known = self._edges.setdefault(source, {})
            known[target] = relation
            self._count += 1
            if len(known) > MAX_OF_ONE or self._count > MAX_EDGES:
                self._bound(source, known)
        self._forget_all()

    def clear(self) -> None:
        """Forget everything."""
        self._edges.clear()
        self._count = 0
        self._forget_all()

    def hears(self, author: str, content: Any) -> bool:
        """Take a message's content, whatever it is. Tells whether it changed anything."""
        found = relation_in(content)
        return found is not None and self.sets(author, *found)

    def sets(self, source: str, target: str, relation: int) -> bool:
        """Have `source` follow or block `target`, or neither. Tells whether that is news."""
        known = self._edges.setdefault(source, {})
        before = known.get(target)
        if before == relation:
            return False
        known[target] = relation
        if before is None:
            self._count += 1
            self._bound(source, known)
        self._forget_answers(source, target, before, relation)
        return True

    def follows(self, source: str, target: str) -> bool:
        return self._relation(source, target) == FOLLOWS

    def blocks(self, source: str, target: str) -> bool:
        return self._relation(source, target) == BLOCKS

    def relations(self, source: str) -> Mapping[str, int]:
        """Everybody whom `source` spoke of: `FOLLOWS`, `BLOCKS` or `NEITHER`. A live view."""
        return MappingProxyType(self._edges.get(source, {}))

    def sources(self) -> Iterable[str]:
        """Every feed that spoke of anybody."""
        return self._edges.keys()

    def hops(self, start: str, most: int) -> Mapping[str, int]:
        """How far each feed is from `start`, which is 0, up to `most`; whom it follows are at 1.

        Left out is whom somebody blocks who is nearer to `start` than all who follow them. What is given never changes:
        it is made anew when it is asked for after a change.
        """
        answer = self._answers.get((start, most))
        if answer is None:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.pop(next(iter(self._answers)))
            answer = self._answers[start, most] = _Hops(self._edges, start, most)
        return answer.give()

    def _relation(self, source: str, target: str) -> int | None:
        known = self._edges.get(source)
        return known.get(target) if known else None

    def _bound(self, source: str, known: dict[str, int]) -> None:
        if len(known) > MAX_OF_ONE and source != self._own:
            self._drop_oldest(source, 1)
        if self._count > MAX_EDGES:
            loudest = max((one for one in self._edges if one != self._own), key=self._spoken_of, default=None)
            if loudest is not None:
                self._drop_oldest(loudest, (self._spoken_of(loudest) + 1) // 2)

    def _spoken_of(self, source: str) -> int:
        return len(self._edges[source])

    def _drop_oldest(self, source: str, count: int) -> None:
        known = self._edges[source]
        for target in list(known)[:count]:
            del known[target]
        self._count -= count
        self._forget_all()

    def _forget_all(self) -> None:
        self._answers.clear()
        self.changes += 1

    def _forget_answers(self, source: str, target: str, before: int | None, relation: int) -> None:
        """Mend the answers that were given where that is quick, and forget those that are no longer true."""
        changed = False
        for asked, answer in list(self._answers.items()):
            if answer.is_untouched(source, target, before):
                continue
            changed = True
            if not answer.reaches(source, target, before, relation):
                del self._answers[asked]
        self.changes += changed


class _Hops:
    """An answer of `Graph.hops`, and what is needed to tell whether it still holds."""

    def __init__(self, edges: Mapping[str, Mapping[str, int]], start: str, most: int) -> None:
        self._most = most
        self._near = {start: 0}
        self._out: dict[str, int] = {}
        """Who is left out, and how near who blocks them is."""
        self._is_lent = False
        level, later = [start], list[str]()
        for distance in range(1, most + 1):
            following: list[str] = []
            blocked: list[str] = []
            unfollowed = later
            later = []
            for source in level:
                for target, relation in edges.get(source, {}).items():
                    if target not in self._near and target not in self._out:
                        {FOLLOWS: following, BLOCKS: blocked, NEITHER: later}[relation].append(target)
            # Who follows counts before who blocks from as near.
            level = []
            for target in following:
                if target not in self._near:
                    self._near[target] = distance
                    level.append(target)
            for target in (*blocked, *unfollowed):
                if target not in self._near:
                    self._out.setdefault(target, distance)

    def give(self) -> Mapping[str, int]:
        self._is_lent = True
        return MappingProxyType(self._near)

    def is_untouched(self, source: str, target: str, before: int | None) -> bool:
        """Whether the news changes nothing here: most come from feeds too far away to count."""
        distance = self._near.get(source)
        if distance is None or distance >= self._most:
            return True
        known = self._near.get(target)
        # Nothing that counted is taken away, and a nearer one follows already.
        return before is None and known is not None and known <= distance + 1

    def reaches(self, source: str, target: str, before: int | None, relation: int) -> bool:
        """Take the news in, if that is no more than one feed more at the edge. Tells whether it was."""
        distance = self._near[source] + 1
        if before is not None or relation != FOLLOWS or target in self._near or target in self._out:
            return False
        if distance < self._most:
            return False
        if self._is_lent:
            self._near, self._is_lent = dict(self._near), False
        self._near[target] = distance
        return True


def _is_truthy(value: Any) -> bool:
    """As JavaScript takes it: an empty object or array is true."""
    return isinstance(value, dict | list) or bool(value)
