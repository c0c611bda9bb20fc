import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import ProtocolError
from scuttlekit.boxstream import HEADER_BYTES, MAX_BODY, Opener, Sealer
from tests.scuttlekit.peers import few

KEY, NONCE = b"k" * 32, b"n" * 24

keys = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=24, max_size=24) | st.just(b"\xff" * 24)


def pieces(data: bytes, sizes: list[int]):
    """Cut data as a network may: in pieces of any size."""
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


@few
@given(
    keys,
    nonces,
    st.lists(st.binary(max_size=3 * MAX_BODY), max_size=4),
    st.lists(st.integers(0, 5000), max_size=9),
)
def test_boxes_open_however_the_network_splits_them(key, nonce, messages, sizes):
    sealer, opener = Sealer(key, nonce), Opener(key, nonce)
    wire = b"".join(map(sealer.seal, messages)) + sealer.goodbye()
    opened = b"".join(body for piece in pieces(wire, sizes) for body in opener.feed(piece))
    assert opened == b"".join(messages)
    assert opener.ended


@few
@given(st.binary(max_size=9000))
def test_random_bytes_end_in_a_protocol_error_or_wait_for_more(data):
    opener = Opener(KEY, NONCE)
    if len(data) < HEADER_BYTES:
        assert list(opener.feed(data)) == []
    else:
        with pytest.raises(ProtocolError):
            list(opener.feed(data))


@few
@given(st.binary(min_size=1, max_size=200), st.data())
def test_one_changed_bit_is_noticed(message, data):
    wire = bytearray(Sealer(KEY, NONCE).seal(message))
    bit = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        list(Opener(KEY, NONCE).feed(bytes(wire)))


def test_a_box_cannot_be_replayed():
    box = Sealer(KEY, NONCE).seal(b"follow me")
    with pytest.raises(ProtocolError):
        list(Opener(KEY, NONCE).feed(box + box))


def test_a_header_that_announces_too_much_is_refused():
    from nacl.bindings import crypto_secretbox_easy

    header = crypto_secretbox_easy((MAX_BODY + 1).to_bytes(2) + b"t" * 16, NONCE, KEY)
    with pytest.raises(ProtocolError, match="longer"):
        list(Opener(KEY, NONCE).feed(header))


def test_it_holds_at_most_one_box_and_what_was_fed():
    sealer, opener = Sealer(KEY, NONCE), Opener(KEY, NONCE)
    for _ in range(100):
        wire = sealer.seal(bytes(MAX_BODY))
        assert list(opener.feed(wire[:-1])) == []
        assert opener.held < MAX_BODY
        assert list(opener.feed(wire[-1:])) == [bytes(MAX_BODY)]


def test_bytes_after_a_goodbye_are_ignored_and_not_kept():
    opener = Opener(KEY, NONCE)
    assert list(opener.feed(Sealer(KEY, NONCE).goodbye() + bytes(10_000))) == []
    assert list(opener.feed(bytes(10_000))) == []
    assert opener.ended
    assert opener.held == 0
