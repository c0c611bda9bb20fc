"""`query.read`: messages that match a filter, or what a map makes of them, as in ssb-query.

It supports `$filter` and `$map` of the map-filter-reduce language, but not `$reduce`. Messages come in log
order, and are read from the log itself, piece by piece.

Source: https://github.com/dominictarr/map-filter-reduce
"""

import math
import operator
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from scuttlekit.canonical import parse
from scuttlekit.errors import RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import options_in
from scuttlekit.pub.calls.ranges import Range, from_log, limited
from scuttlekit.pub.calls.secrets import Secrets
from scuttlekit.pub.store import Store, Stored
from scuttlekit.serving import Handlers, SourceHandler

MOST_STEPS: Final = 10
MOST_CONDITIONS: Final = 200

Test = Callable[[Any], bool]
Step = Callable[[Any], Any]

_MISSING: Final = object()
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


class Querying:
    """Answers queries over all messages, including private ones for the pub."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets

    def handlers(self) -> Handlers:
        return {
            "query.read": SourceHandler(self._read),
            "private.read": SourceHandler(self._read_private),
        }

    def _read(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        return self._found(given, only_private=False)

    def _read_private(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        return self._found(given, only_private=True)

    def _found(self, given: Any, *, only_private: bool) -> AsyncGenerator[Any, None]:
        options = options_in(_parsed(given) if isinstance(given, str) else given)
        steps = read_query(_parsed(options.get("query")))
        # A limit of 0 means no limit, as in JavaScript.
        wanted = Range.read({**options, "limit": options.get("limit") or None})

        def show(message: Stored) -> Any:
            record = self._secrets.opened(message) if b".box" in message.record else None
            if record is None and only_private:
                return None
            value: Any = record or parse(message.record)
            for step in steps:
                value = step(value)
                if value is None:
                    return None
            return value

        return limited(from_log(self._store, wanted, show), wanted.limit)


def read_query(query: Any) -> list[Step]:
    """Parse a query into the steps applied to each record. A step that returns None drops it. Raises RemoteError."""
    if query is None:
        return []
    if not isinstance(query, list) or len(query) > MOST_STEPS:
        raise RemoteError(f"a query must be a list of at most {MOST_STEPS} steps")
    return [_step(step) for step in query if step]


def _step(step: Any) -> Step:
    match step:
        case {"$filter": condition}:
            test = _test(condition, _Room())
            return lambda value: value if test(value) else None
        case {"$map": mapping}:
            mapped = _map(mapping, _Room())
            return lambda value: None if (result := mapped(value)) is _MISSING else result
    raise RemoteError("a step of a query must be $filter or $map")


class _Room:
    """Limits the size of a filter, since it runs on every message."""

    def __init__(self) -> None:
        self._left = MOST_CONDITIONS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise RemoteError(f"a query can have at most {MOST_CONDITIONS} conditions")


def _test(condition: Any, room: _Room) -> Test:
    room.take()
    if condition is None:
        return lambda value: value is None or value is _MISSING
    if isinstance(condition, list):
        parts = {number: _test(part, room) for number, part in enumerate(condition)}
        return lambda value: (
            isinstance(value, list)
            and all(
                test(value[number] if number < len(value) else _MISSING) for number, test in parts.items()
            )
        )
    if not isinstance(condition, dict):
        return lambda value: _same(value, condition)
    tests = [_operator(name, operand) for name, operand in condition.items() if name.startswith("$")]
    fields = {name: _test(part, room) for name, part in condition.items() if not name.startswith("$")}
    if tests and not fields:
        return lambda value: all(test(value) for test in tests)
    return lambda value: (
        isinstance(value, dict)
        and all(test(value) for test in tests)
        and all(test(value.get(name, _MISSING)) for name, test in fields.items())
    )


def _operator(name: str, operand: Any) -> Test:
    known = _OPERATORS.get(name)
    if known is None or not known.takes(operand):
        raise RemoteError(f"a query does not know {name[:50]}, or not with such a value")
    return lambda value: known.test(value, operand)


def _map(mapping: Any, room: _Room) -> Step:
    room.take()
    if mapping is True:
        return lambda value: value
    if isinstance(mapping, str | int):
        return lambda value: _at(value, mapping)
    if isinstance(mapping, list):
        steps = [_map(part, room) for part in mapping]
        return lambda value: _through(value, steps)
    if isinstance(mapping, dict):
        parts = {name: _map(part, room) for name, part in mapping.items()}
        return lambda value: _parts(value, parts)
    raise RemoteError("a $map must be true, the name of a field, a path to one, or an object of these")


def _through(value: Any, steps: list[Step]) -> Any:
    for step in steps:
        value = step(value)
    return value


def _parts(value: Any, parts: Mapping[str, Step]) -> Any:
    results = {name: found for name, part in parts.items() if (found := part(value)) is not _MISSING}
    return results or _MISSING


def _at(value: Any, place: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(place), _MISSING)
    if isinstance(value, list) and isinstance(place, int) and 0 <= place < len(value):
        return value[place]
    return _MISSING


def _same(value: Any, other: Any) -> bool:
    # Unlike in Python, True does not equal 1 here.
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)


def _is_truthy(value: Any) -> bool:
    """Whether JavaScript would treat the value as true."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return value is not _MISSING and (bool(value) or isinstance(value, list | dict))


def _begins(value: Any, prefix: Any) -> bool:
    if isinstance(prefix, str):
        return isinstance(value, str) and value.startswith(prefix)
    return isinstance(value, list) and value[: len(prefix)] == prefix


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and isinstance(value, bool) is (kind == "boolean")


def _comparing(compares: Callable[[Any, Any], bool]) -> "_Operator":
    """Compare text with text and numbers with numbers. Any other pair does not match."""
    return _Operator(
        lambda operand: _is_text(operand) or _is_number(operand),
        lambda value, operand: (
            ((_is_text(value) and _is_text(operand)) or (_is_number(value) and _is_number(operand)))
            and compares(value, operand)
        ),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Operator(NamedTuple):
    takes: Test
    """Whether the operator accepts this operand."""
    test: Callable[[Any, Any], bool]
    """Takes the value and the operand."""


_OPERATORS: Final[Mapping[str, _Operator]] = {
    "$prefix": _Operator(lambda operand: isinstance(operand, str | list), _begins),
    "$eq": _Operator(lambda _: True, _same),
    "$ne": _Operator(lambda _: True, lambda value, operand: not _same(value, operand)),
    "$is": _Operator(lambda operand: isinstance(operand, str) and operand in _KINDS, _is_of),
    "$truthy": _Operator(lambda _: True, lambda value, operand: _is_truthy(value) is bool(operand)),
    "$in": _Operator(
        lambda operand: isinstance(operand, list) and len(operand) <= MOST_CONDITIONS,
        lambda value, operand: any(_same(value, one) for one in operand),
    ),
    "$gt": _comparing(operator.gt),
    "$gte": _comparing(operator.ge),
    "$lt": _comparing(operator.lt),
    "$lte": _comparing(operator.le),
}


def _parsed(given: Any) -> Any:
    """Parse a query that was given as JSON text; pass other values through. Raises RemoteError."""
    if not isinstance(given, str):
        return given
    try:
        return orjson.loads(given)
    except ValueError:
        raise RemoteError("the query is not JSON") from None
