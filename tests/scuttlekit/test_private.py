import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from scuttlekit import InvalidFormat, KeyPair
from scuttlekit.canonical import compact, parse
from scuttlekit.keys import encode_feed_id
from scuttlekit.private import MAX_RECIPIENTS, box, unbox
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import few

ALICE, BOB = KeyPair(b"a" * 32), KeyPair(b"b" * 32)
CROWD = [KeyPair(bytes([number]) * 32) for number in range(MAX_RECIPIENTS)]
SECRET = {"type": "post", "text": "for you 😀"}


def test_each_reader_and_nobody_else_reads_it(alice):
    boxed = box(SECRET, [reader.id for reader in CROWD])
    for reader in CROWD:
        assert unbox(boxed, reader) == SECRET
    assert unbox(boxed, alice) is None


def test_a_box_does_not_reveal_its_readers(alice, bob):
    boxed = box(SECRET, [alice.id, bob.id])
    assert alice.id not in boxed
    assert box(SECRET, [alice.id, bob.id]) != boxed
    assert len(box(SECRET, [bob.id, alice.id])) == len(boxed)


@few
@given(texts)
def test_any_json_comes_out_as_it_went_in(text):
    # Written once, because an infinite number is written as null.
    value = parse(compact(parse(text.encode())))
    assert unbox(box(value, [ALICE.id]), ALICE) == value


@few
@given(st.none() | st.integers() | st.binary() | st.text() | st.text().map(lambda text: text + ".box"))
def test_anything_else_is_not_for_us(anything):
    assert unbox(anything, ALICE) is None


@few
@given(st.binary(max_size=600) | st.integers(0, 600).map(bytes))
def test_no_other_bytes_are_for_us(data):
    assert unbox(base64.b64encode(data).decode() + ".box", ALICE) is None


@few
@given(st.data())
def test_a_changed_box_is_read_as_before_or_not_at_all(data):
    sealed = bytearray(base64.b64decode(box(SECRET, [ALICE.id, BOB.id]).removesuffix(".box")))
    at = data.draw(st.integers(0, len(sealed) - 1))
    change = data.draw(st.sampled_from(["cut", "bit", "insert"]))
    if change == "cut":
        del sealed[at:]
    elif change == "bit":
        sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        sealed.insert(at, data.draw(st.integers(0, 255)))
    # A changed slot of the other reader, or a bit that curve25519 ignores, changes nothing for us.
    assert unbox(base64.b64encode(sealed).decode() + ".box", ALICE) in (SECRET, None)


def seal(slot: bytes, body: bytes) -> str:
    """A box for Alice with anything in her slot and in its body, which is sealed with a key of zeros."""
    nonce = bytes(24)
    public, secret = bindings.crypto_box_keypair()
    shared = bindings.crypto_scalarmult(secret, bindings.crypto_sign_ed25519_pk_to_curve25519(ALICE.public))
    sealed = bindings.crypto_secretbox(slot, nonce, shared)
    return base64.b64encode(nonce + public + sealed + body).decode() + ".box"


def test_the_next_tests_boxes_are_valid():
    body = bindings.crypto_secretbox(b"7", bytes(24), bytes(32))
    assert unbox(seal(b"\1" + bytes(32), body), ALICE) == 7


@few
@given(st.integers(0, 255), st.binary(max_size=99), st.booleans())
def test_an_author_who_seals_nonsense_for_us_does_no_harm(readers, body, is_sealed):
    if is_sealed:
        body = bindings.crypto_secretbox(body, bytes(24), bytes(32))
    unbox(seal(bytes([readers]) + bytes(32), body), ALICE)


@pytest.mark.parametrize("recipients", [[], ["@.ed25519"], ["%" * 53], [ALICE.id] * (MAX_RECIPIENTS + 1)])
def test_a_box_has_one_to_seven_readers_with_keys(recipients):
    with pytest.raises(InvalidFormat):
        box(SECRET, recipients)


def test_nothing_is_sealed_for_an_invalid_key():
    with pytest.raises(InvalidFormat, match="encrypted for"):
        box(SECRET, [encode_feed_id(b"\xff" * 32)])


def test_ssb_keys_reads_what_we_seal_and_we_what_it_seals(modules):
    for count in range(1, MAX_RECIPIENTS + 1):
        ids = [reader.id for reader in CROWD[:count]]
        ours, theirs = box(SECRET, ids), modules.box(SECRET, ids)
        for reader in CROWD[:count]:
            assert modules.unbox(ours, reader) == SECRET
            assert unbox(theirs, reader) == SECRET
        assert modules.unbox(ours, ALICE) is unbox(theirs, ALICE) is None
