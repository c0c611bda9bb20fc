"""Private boxes: content that only up to seven recipients can read, without revealing who they are.

A box is a 24-byte nonce, a one-time curve25519 key, the body's key sealed for each reader (49 bytes each),
and the sealed body, which is JSON; all in base64, followed by `.box`.

Source: https://ssbc.github.io/scuttlebutt-protocol-guide/#private-messages
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Any, Final

from nacl import bindings, exceptions

from scuttlekit import canonical
from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import KEY_BYTES, KeyPair, decode_feed_id
from scuttlekit.messages import MAX_LENGTH

MAX_RECIPIENTS: Final = 7
"""The most that ssb-keys writes."""

_MAX_SLOTS: Final = 8
"""The number of slots that ssb-keys tries when it reads."""

_SUFFIX: Final = ".box"
_NONCE: Final = bindings.crypto_secretbox_NONCEBYTES
_SLOTS: Final = _NONCE + KEY_BYTES
_SLOT: Final = bindings.crypto_secretbox_MACBYTES + 1 + KEY_BYTES


def box(content: Any, recipients: Sequence[str]) -> str:
    """Seal `content`, any JSON value, for the feed ids in `recipients`. The author can read it only if among them.

    Raises InvalidFormat: no recipient, more than `MAX_RECIPIENTS`, an invalid feed id, or content that is not
    JSON.
    """
    if not 0 < len(recipients) <= MAX_RECIPIENTS:
        raise InvalidFormat(
            f"a private box must have 1 to {MAX_RECIPIENTS} recipients, not {len(recipients)}"
        )
    nonce, key = secrets.token_bytes(_NONCE), secrets.token_bytes(KEY_BYTES)
    public, secret = bindings.crypto_box_keypair()
    opened = bytes([len(recipients)]) + key
    slots = [
        bindings.crypto_secretbox(opened, nonce, bindings.crypto_scalarmult(secret, _curve_key(recipient)))
        for recipient in recipients
    ]
    body = bindings.crypto_secretbox(canonical.compact(content), nonce, key)
    return base64.b64encode(b"".join((nonce, public, *slots, body))).decode() + _SUFFIX


def unbox(text: Any, keys: KeyPair) -> Any | None:
    """Open a private box with `keys`. None if it is not a box, not for us, or does not hold JSON. Never raises."""
    if not isinstance(text, str) or len(text) > MAX_LENGTH or not text.endswith(_SUFFIX):
        return None
    try:
        return _open(binascii.a2b_base64(text[: -len(_SUFFIX)]), keys)
    except (ValueError, exceptions.CryptoError):
        return None


def _open(sealed: bytes, keys: KeyPair) -> Any | None:
    """Open a decoded box. Raises ValueError or CryptoError if it is malformed."""
    nonce, onetime = sealed[:_NONCE], sealed[_NONCE:_SLOTS]
    if len(onetime) < KEY_BYTES:
        return None
    secret = bindings.crypto_sign_ed25519_sk_to_curve25519(keys.secret)
    opened = _open_slot(sealed, nonce, bindings.crypto_scalarmult(secret, onetime))
    if opened is None:
        return None
    body = sealed[_SLOTS + opened[0] * _SLOT :]
    return canonical.parse(bindings.crypto_secretbox_open(body, nonce, opened[1:]))


def _open_slot(sealed: bytes, nonce: bytes, key: bytes) -> bytes | None:
    """The number of readers and the body's key, from our slot; None if there is none."""
    for start in range(_SLOTS, _SLOTS + _MAX_SLOTS * _SLOT, _SLOT):
        slot = sealed[start : start + _SLOT]
        if len(slot) < _SLOT:
            return None
        try:
            return bindings.crypto_secretbox_open(slot, nonce, key)
        except exceptions.CryptoError:
            continue
    return None


def _curve_key(feed_id: str) -> bytes:
    try:
        return bindings.crypto_sign_ed25519_pk_to_curve25519(decode_feed_id(feed_id))
    except exceptions.RuntimeError:
        raise InvalidFormat(
            "a recipient's feed id is not a key that a message can be encrypted for"
        ) from None
