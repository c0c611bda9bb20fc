import json
import math
import struct
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat
from scuttlekit.canonical import MAX_DEPTH, MAX_SIZE, MAX_VALUES, compact, parse, pretty, pretty_and_compact
from tests.scuttlekit.json_texts import BACKSLASH, damaged_texts, texts
from tests.scuttlekit.peers import examples
from tests.scuttlekit.v8 import V8

many = examples(400)


@pytest.fixture(scope="module")
def v8() -> Iterator[V8]:
    v8 = V8()
    yield v8
    v8.close()


def written(value) -> tuple[bytes, bytes]:
    both = pretty_and_compact(value)
    assert both == (pretty(value), compact(value))
    return both[::-1]


@many
@given(texts)
def test_what_v8_reads_and_writes_is_written_the_same(v8, text):
    assert written(parse(text.encode())) == v8.write(text.encode())


@many
@given(damaged_texts)
def test_what_v8_does_not_read_is_refused_and_nothing_else(v8, text):
    assume(BACKSLASH not in text)
    text = text.encode()
    expected = v8.write(text)
    if expected is None:
        with pytest.raises(InvalidFormat):
            parse(text)
    else:
        assert written(parse(text)) == expected


@many
@given(st.integers(0, 2**64 - 1))
def test_any_double_is_written_as_v8_writes_it(v8, bits):
    (number,) = struct.unpack(">d", struct.pack(">Q", bits))
    assert written([number]) == v8.write_number(number)


@many
@given(st.floats() | st.integers(-(2**60), 2**60).map(float))
def test_common_doubles_are_written_as_v8_writes_them(v8, number):
    assert written([number]) == v8.write_number(number)
    assert compact(number) == v8.write_number(number).compact[1:-1]


@pytest.mark.parametrize("point", range(-9, 24))
@pytest.mark.parametrize("digits", [1, 1.5, 123456789, 9007199254740991])
def test_exponents_begin_where_they_do_in_v8(v8, digits, point):
    for number in (digits * 10.0**point, -digits * 10.0**point):
        assert written([number]) == v8.write_number(number)


@many
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_json_or_refused(data):
    try:
        value = parse(data)
    except InvalidFormat:
        return
    assert parse(compact(value)) == value or "e" in str(data).lower()


@many
@given(texts)
def test_written_values_read_the_same(text):
    # An infinite number is written as null.
    once = parse(compact(parse(text.encode())))
    assert parse(pretty(once)) == parse(compact(once)) == once


def test_whole_numbers_are_integers_however_they_are_written():
    for number in parse(b"[1, 1.0, 1e0, 10e-1, -0, -0.0, 9007199254740992, 1.0e3]"):
        assert type(number) is int
    assert parse(b"1.0") == 1
    assert type(parse(b"1.0")) is int


def test_larger_numbers_are_rounded_to_doubles():
    assert parse(b"[9007199254740993, 1e999, -1e999]") == [9007199254740992, math.inf, -math.inf]
    assert compact(9007199254740993) == b"9007199254740992"
    assert compact([10**400, 10**30]) == b"[null,1e+30]"


@pytest.mark.parametrize("nest", [b"[%s]", b'{"a":%s}', b'[{"a":[%s]}]', b'["\\ud800",%s]', b"[1.0,%s]"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1000, 100_000])
def test_too_deep_nesting_is_refused(nest, depth):
    left, right = nest.split(b"%s")
    with pytest.raises(InvalidFormat):
        parse(left * depth + b"1" + right * depth)


def test_the_deepest_allowed_nesting_is_read_and_written(v8):
    for nest in (b"[%s]", b'{"1":%s}', b'["\\ud800",%s]'):
        left, right = nest.split(b"%s")
        text = left * MAX_DEPTH + b"1" + right * MAX_DEPTH
        assert written(parse(text)) == v8.write(text)


def test_a_value_that_nests_without_end_is_not_written():
    endless: list = []
    endless.append(endless)
    for write in (compact, pretty):
        with pytest.raises(InvalidFormat, match="deep"):
            write(endless)


@pytest.mark.parametrize("many", [b"[]", b"{}", b"1"])
def test_too_many_values_are_refused(many):
    assert len(parse(b"[" + b",".join([many] * (MAX_VALUES // 3)) + b"]")) == MAX_VALUES // 3
    with pytest.raises(InvalidFormat, match="values"):
        parse(b"[" + b",".join([many] * (MAX_VALUES + 1)) + b"]")


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(InvalidFormat, match="longer"):
        parse(b'"' + b"a" * MAX_SIZE + b'"')


@pytest.mark.parametrize("value", [{1, 2}, {1: 2}, object(), b"bytes", [{"a": ({1},)}]])
def test_values_that_are_not_json_are_not_written(value):
    for write in (compact, pretty):
        with pytest.raises(InvalidFormat):
            write(value)


def test_adjacent_surrogates_become_one_character():
    assert compact(["\ud83d" + "\ude00"]) == '["😀"]'.encode()
    assert json.loads(compact(["\ude00\ud83d"])) == ["\ude00\ud83d"]
