"""Strategies for what a peer may put on the wire after a proper handshake: frames, requests, and worse."""

import json
import struct

from hypothesis import strategies as st

from tests.scuttlekit.json_texts import damaged_texts, texts

LONGEST = 200_000


def framed(flags: int, number: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BIi", flags & 255, len(body) if length is None else length, number) + body


numbers = st.integers(-9, 9) | st.sampled_from([2**31 - 1, -(2**31), -(2**31) + 1, 1 << 20])
flags = st.sampled_from([2, 6, 10, 14]) | st.integers(0, 15)

bodies = st.one_of(
    texts.map(str.encode),
    damaged_texts.map(lambda text: text.encode(errors="surrogatepass")),
    st.binary(max_size=60),
    st.sampled_from([b"true", b"{}", b"[]", b"null", b'"x"', b"[" * 5000, b'{"name":"Error","message":[1]}']),
    st.integers(0, LONGEST).map(bytes),
)


Call = tuple[str, str]
"""A dotted name, and its kind: async, sync, source, sink or duplex."""


def wires(
    calls: st.SearchStrategy[Call], args: st.SearchStrategy[str], most: int = 12
) -> st.SearchStrategy[list[bytes]]:
    """What a peer sends, in pieces: calls, their values and ends, and invalid frames.

    `args` are the JSON texts of single arguments.
    """
    call = st.tuples(calls, args).flatmap(lambda drawn: _called(*drawn[0], args))
    value = st.builds(framed, st.just(10), numbers, args.map(str.encode) | bodies)
    other = st.builds(framed, flags, numbers, bodies)
    end = st.builds(
        framed, st.sampled_from([6, 14]), numbers, st.sampled_from([b"true", b'{"message":"x"}', b""])
    )
    lie = st.builds(framed, st.integers(0, 255), numbers, st.binary(max_size=9), st.integers(0, 2**32 - 1))
    return st.lists(call | call | call | value | _rarely(lie | st.just(bytes(9)), end | other), max_size=most)


def _called(name: str, kind: str, args: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """A frame that begins a call, mostly valid."""
    right = 10 if kind in {"source", "sink", "duplex"} else 2
    body = st.tuples(
        _mostly(st.just(json.dumps(name.split("."))), st.just(json.dumps(name)) | texts),
        _mostly(st.just(json.dumps(kind)), st.sampled_from(['"async"', '"source"', '"duplex"']) | texts),
        _mostly(st.lists(args, max_size=3).map(lambda found: f"[{','.join(found)}]"), texts),
    ).map(lambda drawn: f'{{"name":{drawn[0]},"type":{drawn[1]},"args":{drawn[2]}}}'.encode())
    return st.builds(framed, _mostly(st.just(right), flags), _mostly(st.integers(1, 9), numbers), body)


def _mostly(usual: st.SearchStrategy, other: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 9).flatmap(lambda number: other if number == 0 else usual)


def _rarely(rare: st.SearchStrategy, usual: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 9).flatmap(lambda number: rare if number == 0 else usual)
