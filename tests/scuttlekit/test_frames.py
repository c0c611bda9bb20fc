import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import ProtocolError
from scuttlekit.canonical import MAX_DEPTH, MAX_VALUES
from scuttlekit.frames import (
    GOODBYE,
    JSON,
    MAX_BODY,
    STRING,
    FrameDecoder,
    Json,
    decode_body,
    encode,
)
from tests.scuttlekit.peers import few
from tests.scuttlekit.test_boxstream import pieces

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
values = json_values | texts | st.binary(min_size=1)
numbers = st.integers(-(2**31), 2**31 - 1)
frames = st.tuples(numbers, values, st.booleans(), st.booleans())


@few
@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 50), max_size=9))
def test_frames_read_as_they_were_written_however_the_network_cuts_them(sent, sizes):
    wire = b"".join(encode(number, value, stream=stream, end=end) for number, value, stream, end in sent)
    decoder = FrameDecoder()
    got = [frame for piece in pieces(wire + GOODBYE, sizes) for frame in decoder.feed(piece)]
    assert [(frame.request, frame.value, frame.stream, frame.end) for frame in got] == sent
    assert decoder.ended


@few
@given(st.lists(st.binary(max_size=400), max_size=5))
def test_any_bytes_are_frames_or_a_protocol_error(data):
    decoder = FrameDecoder()
    try:
        for piece in data:
            for frame in decoder.feed(piece):
                assert frame.value is not NotImplemented
    except ProtocolError:
        return
    assert decoder.held <= 9 + MAX_BODY


@few
@given(st.integers(0, 255), st.integers(0, 2**32 - 1), numbers)
def test_any_header_is_accepted_or_refused_before_its_body(flags, length, number):
    decoder = FrameDecoder()
    header = struct.pack(">BIi", flags, length, number)
    if flags > 15 or flags & 3 == 3 or length > MAX_BODY:
        with pytest.raises(ProtocolError):
            list(decoder.feed(header))
    elif length > 0:
        assert list(decoder.feed(header)) == []


@few
@given(st.sampled_from([STRING, JSON]), st.binary())
def test_any_body_is_a_value_or_a_protocol_error(kind, body):
    try:
        decode_body(kind, body)
    except ProtocolError:
        return


def test_json_may_nest_as_deeply_as_anybody_needs():
    assert decode_body(JSON, b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert len(decode_body(JSON, b"[" + b"[]," * 5000 + b"[]]")) == 5001


@pytest.mark.parametrize("body", [b"", b"NaN", b"-Infinity", b"\xff", b"\xef\xbb\xbf1", b"1 1", b"{1:2}"])
def test_almost_json_is_a_protocol_error(body):
    with pytest.raises(ProtocolError):
        decode_body(JSON, body)


@pytest.mark.parametrize(
    "body", [b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" + b"1," * MAX_VALUES + b"1]"]
)
def test_json_beyond_our_bounds_is_a_protocol_error(body):
    with pytest.raises(ProtocolError):
        decode_body(JSON, body)


@few
@given(json_values, numbers)
def test_json_text_is_sent_as_it_is(value, number):
    text = json.dumps(value, indent=1).encode()
    assert encode(number, Json(text), stream=True) == encode(number, text, stream=True).replace(
        b"\x08", b"\x0a", 1
    )
    (frame,) = FrameDecoder().feed(encode(number, Json(text)))
    assert (frame.kind, frame.body, frame.value) == (JSON, text, value)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["", b"", {1, 2}, "\ud800", bytes(MAX_BODY + 1), nested(5000)])
def test_values_that_fit_no_frame_are_not_sent(value):
    with pytest.raises(ProtocolError):
        encode(1, value)
