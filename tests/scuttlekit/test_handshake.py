import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import HandshakeFailed, KeyPair
from scuttlekit.handshake import MAIN_NETWORK, Handshake, SessionKeys, client, server
from tests.scuttlekit.peers import few

PUB, ALICE = KeyPair(b"p" * 32), KeyPair(b"a" * 32)
MESSAGES = ("client challenge", "server challenge", "client authentication", "server acceptance")


def finish(steps: Handshake, message: bytes) -> SessionKeys:
    with pytest.raises(StopIteration) as done:
        steps.send(message)
    return done.value.value


def shake(
    dialling: Handshake, dialled: Handshake, change=lambda _name, message: message
) -> tuple[SessionKeys, SessionKeys]:
    """Carry the four messages between both sides; `change` may tamper with each on its way."""
    next(dialled)
    challenge = change(MESSAGES[0], next(dialling).send)
    challenge = change(MESSAGES[1], dialled.send(challenge).send)
    auth = change(MESSAGES[2], dialling.send(challenge).send)
    pubs = finish(dialled, auth)
    alices = finish(dialling, change(MESSAGES[3], pubs.last))
    return alices, pubs


def test_both_learn_each_others_identity_and_agree_on_keys():
    alices, pubs = shake(client(ALICE, PUB.public), server(PUB))
    assert alices.remote == PUB.public
    assert pubs.remote == ALICE.public
    assert (alices.seal_key, alices.seal_nonce) == (pubs.open_key, pubs.open_nonce)
    assert (alices.open_key, alices.open_nonce) == (pubs.seal_key, pubs.seal_nonce)


def test_no_two_handshakes_agree_on_the_same_keys():
    one, _ = shake(client(ALICE, PUB.public), server(PUB))
    two, _ = shake(client(ALICE, PUB.public), server(PUB))
    assert one.seal_key != two.seal_key
    assert one.seal_nonce != two.seal_nonce


def test_a_client_that_dials_another_key_is_not_answered():
    with pytest.raises(HandshakeFailed, match="another key"):
        shake(client(ALICE, ALICE.public), server(PUB))


def test_networks_do_not_mix():
    with pytest.raises(HandshakeFailed, match="network"):
        shake(client(ALICE, PUB.public, b"n" * 32), server(PUB, MAIN_NETWORK))


def test_an_unwelcome_client_is_turned_away():
    with pytest.raises(HandshakeFailed, match="does not accept"):
        shake(client(ALICE, PUB.public), server(PUB, welcome=lambda feed_id: feed_id != ALICE.id))
    shake(client(ALICE, PUB.public), server(PUB, welcome=lambda feed_id: feed_id == ALICE.id))


@few
@given(st.sampled_from(MESSAGES), st.integers(0, 111 * 8))
def test_one_changed_bit_ends_it(name, bit):
    def change(which: str, message: bytes) -> bytes:
        if which != name:
            return message
        at = bit % (len(message) * 8)
        changed = bytearray(message)
        changed[at // 8] ^= 1 << at % 8
        return bytes(changed)

    # The highest bit of an ephemeral key is ignored by the curve, but the authentication before it is not.
    with pytest.raises(HandshakeFailed):
        shake(client(ALICE, PUB.public), server(PUB), change)


@few
@given(st.data())
def test_whatever_a_peer_sends_instead_ends_it(data):
    random = {
        name: st.binary(min_size=size, max_size=size)
        for name, size in zip(MESSAGES, (64, 64, 112, 80), strict=True)
    }
    lie = data.draw(st.sampled_from(MESSAGES))

    def change(which: str, message: bytes) -> bytes:
        return data.draw(random[which]) if which == lie else message

    with pytest.raises(HandshakeFailed):
        shake(client(ALICE, PUB.public), server(PUB), change)


@pytest.mark.parametrize("weak", [bytes(32), bytes([1]) + bytes(31)])
def test_a_weak_key_shares_no_secret(weak):
    dialled = server(PUB)
    next(dialled)
    from scuttlekit.handshake import _authenticate

    with pytest.raises(HandshakeFailed, match="weak"):
        dialled.send(_authenticate(MAIN_NETWORK, weak) + weak)


def test_an_id_that_is_not_a_curve_point_cannot_be_dialled():
    dialling = client(ALICE, b"\xff" * 32)
    next(dialling)
    dialled = server(PUB)
    next(dialled)
    challenge = dialled.send(next(client(ALICE, PUB.public)).send).send
    with pytest.raises(HandshakeFailed, match="not a point"):
        dialling.send(challenge)
