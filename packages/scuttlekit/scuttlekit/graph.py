"""Who follows and blocks whom, from messages of the type `contact`, interpreted as in ssb-friends.

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
"""The source neither follows nor blocks the target, and perhaps did before."""

MAX_OF_ONE: Final = 10_000
"""How many targets are kept for one feed. Beyond that, its oldest are forgotten."""

MAX_EDGES: Final = 200_000
"""How many pairs are kept in total. Beyond that, the feed with the most targets loses half of them."""

_KEPT_ANSWERS: Final = 4


def relation_in(content: Any) -> tuple[str, int] | None:
    """The target and relation in a message's content: `FOLLOWS`, `BLOCKS` or `NEITHER`; None if it is not a contact.

    Any JSON is accepted. Any value that is truthy in JavaScript blocks, but only `true` itself follows.
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
    """The graph, in memory. The latest message about a pair counts, so add messages in feed order."""

    def __init__(self, own: str = "") -> None:
        """The relations of `own` are never forgotten."""
        self._own = own
        self._edges: dict[str, dict[str, int]] = {}
        self._count = 0
        self._answers: dict[tuple[str, int], _Hops] = {}
        self.changes = 0
        """How often an earlier result of `hops` may have become outdated."""

    def __len__(self) -> int:
        """The number of known pairs."""
        return self._count

    def restore(self, edges: Iterable[tuple[str, str, int]]) -> None:
        """Add many new pairs at once: `(source, target, relation)`. None of them may be known yet."""
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
        """Process the content of any message. Returns whether it changed anything."""
        found = relation_in(content)
        return found is not None and self.sets(author, *found)

    def sets(self, source: str, target: str, relation: int) -> bool:
        """Record that `source` follows or blocks `target`, or neither. Returns whether this is new."""
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
        """Whether the feed `source` follows `target`, by the ids of both."""
        return self._relation(source, target) == FOLLOWS

    def blocks(self, source: str, target: str) -> bool:
        """Whether the feed `source` blocks `target`, by the ids of both."""
        return self._relation(source, target) == BLOCKS

    def relations(self, source: str) -> Mapping[str, int]:
        """All targets of `source`, each with `FOLLOWS`, `BLOCKS` or `NEITHER`. A live view."""
        return MappingProxyType(self._edges.get(source, {}))

    def sources(self) -> Iterable[str]:
        """Every feed with at least one target."""
        return self._edges.keys()

    def hops(self, start: str, most: int) -> Mapping[str, int]:
        """The distance of each feed from `start`, up to `most`. `start` is at 0, and those it follows are at 1.

        A feed is left out if somebody blocks it who is nearer to `start` than everybody who follows it. A
        returned mapping never changes; after a change of the graph, a new one is made.
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
        """Update cached results of `hops` where that is quick, and drop the other outdated ones."""
        changed = False
        for asked, answer in list(self._answers.items()):
            if answer.is_untouched(source, target, before):
                continue
            changed = True
            if not answer.reaches(source, target, before, relation):
                del self._answers[asked]
        self.changes += changed


class _Hops:
    """A result of `Graph.hops`, with what is needed to tell whether it is still valid."""

    def __init__(self, edges: Mapping[str, Mapping[str, int]], start: str, most: int) -> None:
        self._most = most
        self._near = {start: 0}
        self._out: dict[str, int] = {}
        """The feeds left out, with the distance at which each was left out."""
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
            # At the same distance, following takes precedence over blocking.
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
        """Whether a change does not affect this result. Most come from feeds too far away to count."""
        distance = self._near.get(source)
        if distance is None or distance >= self._most:
            return True
        known = self._near.get(target)
        # Nothing that counted is removed, and somebody at least as near already follows.
        return before is None and known is not None and known <= distance + 1

    def reaches(self, source: str, target: str, before: int | None, relation: int) -> bool:
        """Apply a change if it only adds one feed at the greatest distance. Returns whether it did."""
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
    """As in JavaScript, where an empty object or array is truthy."""
    return isinstance(value, dict | list) or bool(value)
