"""JSON exactly as V8 reads and writes it, since the ids and signatures of messages are made over V8's text.

`orjson` does the work if its text equals V8's, which a walk over the value shows. Keys that are array
indices, which V8 puts first, unusual numbers and lone surrogates take a slower path of our own.

Sources: https://tc39.es/ecma262/#sec-json.stringify, #sec-ordinaryownpropertykeys and #sec-numeric-types-number-tostring
"""

import json
import re
from typing import Any, Final, Never

import orjson

from scuttlekit.errors import InvalidFormat

MAX_SIZE: Final = 1 << 20
"""The longest text we parse, in bytes. The longest message has 24 KiB."""

MAX_DEPTH: Final = 128
"""How deeply parsed text may nest. No valid message nests deeper than 63: its indented text would be too long."""

MAX_VALUES: Final = 100_000
"""How many values parsed text may hold, counted by brackets and commas. A list of empty lists takes 28 times
the size of its text in memory."""

_MAX_WRITTEN_DEPTH: Final = 2 * MAX_DEPTH
_EXACT: Final = 2**53
_SMALL: Final = 1e-3
_LARGE: Final = 1e15
"""Every program writes a fraction between these without an exponent."""
_PLAIN: Final = frozenset({str, bool, type(None)})
_LAST_INDEX: Final = 2**32 - 2
_SMALLEST_POINT: Final = -6
_LARGEST_POINT: Final = 21
"""Numbers between these powers of ten are written without an exponent."""

_INDENTED: Final = orjson.OPT_INDENT_2
_ONLY_JSON: Final = (
    orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
)

_ESCAPED = re.compile('[\x00-\x1f"\\\\\ud800-\udfff]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def parse(text: bytes) -> Any:
    """Read JSON as V8's `JSON.parse` does.

    Integers up to 2^53 are `int`, however they are written (`1.0`, `1e3`). Other numbers are `float`: larger
    ones are rounded to a double, and those beyond the range of doubles are infinite. If a key occurs twice,
    the last value counts, in the first one's place. Lone surrogates stay in `str`.

    Raises InvalidFormat: not JSON, not UTF-8, longer than `MAX_SIZE`, deeper than `MAX_DEPTH`, more than
    `MAX_VALUES`.
    """
    if len(text) > MAX_SIZE:
        raise InvalidFormat(f"JSON of {len(text)} bytes is longer than {MAX_SIZE}")
    if len(text) > MAX_VALUES and sum(map(text.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise InvalidFormat(f"JSON has more than {MAX_VALUES} values")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _parse_exactly(text)
    return value if _is_plain(value, MAX_DEPTH) else _with_doubles(value, MAX_DEPTH)


def compact(value: Any) -> bytes:
    """Write `JSON.stringify(value)` as UTF-8.

    A tuple is written as an array, a number that JSON lacks as null, and a lone surrogate as an escape.
    Raises InvalidFormat for a value that is not JSON or nests too deeply.
    """
    text = _dump(value, _ONLY_JSON)
    return _write_exactly(value, indented=False) if text is None else text


def pretty(value: Any) -> bytes:
    """Write `JSON.stringify(value, null, 2)` as UTF-8, the text that is signed and hashed. Otherwise as `compact`."""
    text = _dump(value, _ONLY_JSON | _INDENTED)
    return _write_exactly(value, indented=True) if text is None else text


def pretty_and_compact(value: Any) -> tuple[bytes, bytes]:
    """Write both forms, which is faster than writing them separately."""
    text = _dump(value, _ONLY_JSON | _INDENTED)
    if text is None:
        return _write_exactly(value, indented=True), _write_exactly(value, indented=False)
    return text, orjson.dumps(value)


def utf16_length(text: str) -> int:
    """The length of a string in JavaScript, where characters beyond U+FFFF count as two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _parse_exactly(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode(), parse_int=_read_number, parse_float=_read_number, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise InvalidFormat(f"not valid JSON: {error}") from None


def _read_number(text: str) -> int | float:
    return _as_double(float(text))


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is not valid JSON")


def _as_double(number: float) -> int | float:
    """The number as a double holds it, as an `int` if that is exact."""
    number = float(number)
    return int(number) if -_EXACT <= number <= _EXACT and number.is_integer() else number


def _with_doubles(value: Any, depth: int) -> Any:
    """The same value with its numbers as doubles. Raises InvalidFormat if it nests deeper than `depth`."""
    if isinstance(value, dict | list):
        if not depth:
            raise InvalidFormat(f"JSON is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            return {key: _with_doubles(inner, depth - 1) for key, inner in value.items()}
        return [_with_doubles(inner, depth - 1) for inner in value]
    return _as_double(value) if type(value) in {int, float} else value


def _is_plain(value: Any, depth: int) -> bool:
    """Whether V8 holds the same value, orjson writes it as V8 does, and it nests no deeper than `depth`."""
    kind = type(value)
    if kind is dict:
        if not depth:
            return False
        for key, inner in value.items():
            if key < ":" and _is_index(key):
                return False
            if type(inner) is not str and not _is_plain(inner, depth - 1):
                return False
        return True
    if kind is list:
        return depth > 0 and all(type(inner) is str or _is_plain(inner, depth - 1) for inner in value)
    return _is_plain_scalar(value, kind)


def _is_plain_scalar(value: Any, kind: type) -> bool:
    if kind is int:
        return bool(-_EXACT <= value <= _EXACT)
    if kind is float:
        return _SMALL < abs(value) < _LARGE and not value.is_integer()
    return kind in _PLAIN


def _dump(value: Any, options: int) -> bytes | None:
    """The text orjson writes, or None if V8 would write something else."""
    try:
        # orjson comes first because it refuses keys that are not strings.
        text = orjson.dumps(value, option=options)
    except orjson.JSONEncodeError:
        return None
    return text if _is_plain(value, _MAX_WRITTEN_DEPTH) else None


def _write_exactly(value: Any, *, indented: bool) -> bytes:
    pieces: list[str] = []
    _write(value, pieces.append, "\n" if indented else "", "  " if indented else "", 0)
    return "".join(pieces).encode()


def _write(value: Any, add: Any, newline: str, indent: str, depth: int) -> None:
    if isinstance(value, dict | list | tuple):
        if depth >= _MAX_WRITTEN_DEPTH:
            raise InvalidFormat(f"a value is nested deeper than {_MAX_WRITTEN_DEPTH} levels")
        inner, separator = newline + indent, ""
        add("{" if isinstance(value, dict) else "[")
        if isinstance(value, dict):
            for key, child in _in_order(value):
                add(f"{separator}{inner}{_write_string(key)}{': ' if indent else ':'}")
                _write(child, add, inner, indent, depth + 1)
                separator = ","
        else:
            for child in value:
                add(f"{separator}{inner}")
                _write(child, add, inner, indent, depth + 1)
                separator = ","
        add(newline if separator else "")
        add("}" if isinstance(value, dict) else "]")
    else:
        add(_write_scalar(value))


def _in_order(value: dict[Any, Any]) -> list[tuple[str, Any]]:
    """The members in V8's order: array indices first, ascending, then the others as they were added."""
    indices: list[tuple[str, Any]] = []
    others: list[tuple[str, Any]] = []
    for key, child in value.items():
        if not isinstance(key, str):
            raise InvalidFormat(f"a key must be a string, not {type(key).__name__}")
        (indices if _is_index(key) else others).append((key, child))
    return sorted(indices, key=lambda member: int(member[0])) + others


def _is_index(key: str) -> bool:
    return (
        key.isascii()
        and key.isdecimal()
        and (key[0] != "0" or key == "0")
        and len(key) <= len(str(_LAST_INDEX))
        and int(key) <= _LAST_INDEX
    )


def _write_scalar(value: Any) -> str:
    if isinstance(value, str):
        return _write_string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _write_number(value)
    raise InvalidFormat(f"{type(value).__name__} cannot be written as JSON")


def _write_number(number: float) -> str:
    try:
        number = _as_double(number)
    except OverflowError:
        return "null"
    if isinstance(number, int):
        return str(number)
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        return "null"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The number is 0.DIGITS times ten to the power of `point`.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    """The rest of ECMAScript's Number::toString, given the shortest digits."""
    if len(digits) <= point <= _LARGEST_POINT:
        return digits.ljust(point, "0")
    if 0 < point <= _LARGEST_POINT:
        return f"{digits[:point]}.{digits[point:]}"
    if _SMALLEST_POINT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"


def _write_string(text: str) -> str:
    if not text.isascii():
        # Two adjacent surrogate halves are one character, however they got there.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04x}"
