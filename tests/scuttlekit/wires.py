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


def requests(names: st.SearchStrategy[str], args: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Bodies of requests as JSON text. `names` are dotted names, `args` JSON texts of single arguments."""
    kinds = st.sampled_from(["async", "sync", "source", "sink", "duplex"]).map(json.dumps)
    lists = st.lists(args, max_size=4).map(lambda found: f"[{','.join(found)}]")
    return st.tuples(
        _mostly(names.map(lambda name: json.dumps(name.split("."))), texts),
        _mostly(kinds, texts),
        _mostly(lists, texts),
        texts,
    ).map(
        lambda drawn: f'{{"name":{drawn[0]},"type":{drawn[1]},"args":{drawn[2]},"more":{drawn[3]}}}'.encode()
    )


def wires(
    names: st.SearchStrategy[str], args: st.SearchStrategy[str], most: int = 12
) -> st.SearchStrategy[list[bytes]]:
    """What a peer sends, in pieces: calls, their values and their ends, and frames that make no sense."""
    frame = st.builds(framed, flags, numbers, requests(names, args))
    other = st.builds(framed, flags, numbers, bodies)
    end = st.builds(
        framed, st.sampled_from([6, 14]), numbers, st.sampled_from([b"true", b'{"message":"x"}', b""])
    )
    lie = st.builds(framed, st.integers(0, 255), numbers, st.binary(max_size=9), st.integers(0, 2**32 - 1))
    return st.lists(frame | frame | other | end | _rarely(lie | st.just(bytes(9)), frame), max_size=most)


def _mostly(usual: st.SearchStrategy, other: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 6).flatmap(lambda number: other if number == 0 else usual)


def _rarely(rare: st.SearchStrategy, usual: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 9).flatmap(lambda number: rare if number == 0 else usual)
