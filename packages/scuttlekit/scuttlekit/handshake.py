"""The secret handshake: two peers prove who they are, and agree on keys for a box stream.

Each side is a generator that yields `HandshakeStep`s (bytes to send, and how many bytes it wants) and returns
`SessionKeys`. The caller owns the socket and the deadline. Any failure raises HandshakeFailed.

Source: Dominic Tarr, "Designing a Secret Handshake", and https://ssbc.github.io/scuttlebutt-protocol-guide/#handshake
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator
from typing import NamedTuple

from nacl import bindings
from nacl.exceptions import CryptoError

from scuttlekit.errors import HandshakeFailed
from scuttlekit.keys import KEY_BYTES, KeyPair, encode_feed_id

MAIN_NETWORK = base64.b64decode("1KHLiKZvAvjbY1ziZEHMXawbCEIM6qwjCDm3VYRan/s=")

_SIGNATURE = 64
_MAC = 16
CHALLENGE_BYTES = 32 + KEY_BYTES
CLIENT_AUTH_BYTES = _MAC + _SIGNATURE + KEY_BYTES
SERVER_ACCEPT_BYTES = _MAC + _SIGNATURE

# Each key seals only one message, so the protocol uses this fixed nonce.
_NONCE = bytes(24)


class HandshakeStep(NamedTuple):
    """Send these bytes, then pass in exactly `want` bytes from the peer."""

    send: bytes
    want: int


class SessionKeys(NamedTuple):
    """The result of a handshake. Keys have 32 bytes, nonces 24. `last` is what the server must still send."""

    remote: bytes
    seal_key: bytes
    seal_nonce: bytes
    open_key: bytes
    open_nonce: bytes
    last: bytes


Handshake = Generator[HandshakeStep, bytes, SessionKeys]


class _Ephemeral:
    """One side's ephemeral curve25519 key pair, and its challenge message."""

    __slots__ = ("challenge", "mac", "network", "private", "public")

    def __init__(self, network: bytes) -> None:
        self.network = network
        self.private = secrets.token_bytes(KEY_BYTES)
        self.public = bindings.crypto_scalarmult_base(self.private)
        self.mac = _authenticate(network, self.public)
        self.challenge = self.mac + self.public

    def meet(self, challenge: bytes) -> tuple[bytes, bytes]:
        """Return the peer's ephemeral public key and the first shared secret, a·b."""
        mac, public = challenge[:32], challenge[32:]
        if not hmac.compare_digest(mac, _authenticate(self.network, public)):
            raise HandshakeFailed("the peer is on another network or speaks another protocol")
        return public, _shared(self.private, public)


def client(keys: KeyPair, server: bytes, network: bytes = MAIN_NETWORK) -> Handshake:
    """Run the handshake as the dialling side. `server` is the 32-byte public key that must answer."""
    mine = _Ephemeral(network)
    theirs, ab = mine.meet((yield HandshakeStep(mine.challenge, CHALLENGE_BYTES)))
    abx = _shared(mine.private, _curve_public(server))
    hello = keys.sign(network + server + _hash(ab)) + keys.public
    box = bindings.crypto_secretbox_easy(hello, _NONCE, _hash(network + ab + abx))
    accept = yield HandshakeStep(box, SERVER_ACCEPT_BYTES)
    secret = _hash(network + ab + abx + _shared(_curve_private(keys), theirs))
    signature = _unbox(accept, secret, "the peer's acceptance does not open: it is not who we dialled")
    _verify(server, signature, network + hello + _hash(ab))
    return _secrets(secret, server, keys, mine, theirs)


def server(
    keys: KeyPair,
    network: bytes = MAIN_NETWORK,
    welcome: Callable[[str], bool] | None = None,
) -> Handshake:
    """Run the handshake as the dialled side. `welcome` takes the client's feed id, and may turn it away."""
    mine = _Ephemeral(network)
    theirs, ab = mine.meet((yield HandshakeStep(b"", CHALLENGE_BYTES)))
    abx = _shared(_curve_private(keys), theirs)
    auth = yield HandshakeStep(mine.challenge, CLIENT_AUTH_BYTES)
    hello = _unbox(auth, _hash(network + ab + abx), "the client dialled another key than ours")
    signature, remote = hello[:_SIGNATURE], hello[_SIGNATURE:]
    _verify(remote, signature, network + keys.public + _hash(ab))
    if welcome is not None and not welcome(encode_feed_id(remote)):
        raise HandshakeFailed("this server does not accept this client")
    secret = _hash(network + ab + abx + _shared(mine.private, _curve_public(remote)))
    signed = keys.sign(network + hello + _hash(ab))
    last = bindings.crypto_secretbox_easy(signed, _NONCE, secret)
    return _secrets(secret, remote, keys, mine, theirs)._replace(last=last)


def _secrets(secret: bytes, remote: bytes, keys: KeyPair, mine: _Ephemeral, theirs: bytes) -> SessionKeys:
    session = _hash(secret)
    return SessionKeys(
        remote=remote,
        seal_key=_hash(session + remote),
        seal_nonce=_authenticate(mine.network, theirs)[:24],
        open_key=_hash(session + keys.public),
        open_nonce=mine.mac[:24],
        last=b"",
    )


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _authenticate(network: bytes, public: bytes) -> bytes:
    """HMAC-SHA-512-256 as in libsodium's crypto_auth: the first 32 bytes of HMAC-SHA-512."""
    return hmac.digest(network, public, "sha512")[:32]


def _shared(private: bytes, public: bytes) -> bytes:
    try:
        return bindings.crypto_scalarmult(private, public)
    except CryptoError:
        raise HandshakeFailed("the peer's key is a weak point, which would share no secret") from None


def _curve_public(public: bytes) -> bytes:
    try:
        return bindings.crypto_sign_ed25519_pk_to_curve25519(public)
    except CryptoError:
        raise HandshakeFailed("the peer's id is not a point on the curve") from None


def _curve_private(keys: KeyPair) -> bytes:
    return bindings.crypto_sign_ed25519_sk_to_curve25519(keys.secret)


def _unbox(box: bytes, key: bytes, complaint: str) -> bytes:
    try:
        return bindings.crypto_secretbox_open_easy(box, _NONCE, key)
    except CryptoError:
        raise HandshakeFailed(complaint) from None


def _verify(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        bindings.crypto_sign_open(signature + message, public)
    except CryptoError:
        raise HandshakeFailed("the peer's signature is invalid") from None
