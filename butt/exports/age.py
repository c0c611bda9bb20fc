"""Encrypting a stream in the age format (age-encryption.org/v1), to an age key or with a passphrase.

Implemented here on libsodium, because the available library takes a passphrase only for data that fits in memory, and cannot
tell the size beforehand. This only encrypts; use `age` or `rage` to open a file.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

CHUNK = 64 * 1024
TAG = 16
SHORTEST_PASSPHRASE, LONGEST_PASSPHRASE = 12, 1024
WORK = 15
"""The binary logarithm of scrypt's cost: 32 MiB for a moment."""

_INTRO = "age-encryption.org/v1"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class BadRecipient(ValueError):
    """The input is neither an age key nor a passphrase; the text says why."""


@dataclass(frozen=True)
class Recipient:
    """Whom to encrypt for: an age key of 32 bytes, or a passphrase."""

    key: bytes = b""
    passphrase: bytes = b""

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        """`text` as an age key if it begins like one, else as a passphrase. Raises `BadRecipient`."""
        text = text.strip()
        if text.startswith("age1"):
            return cls(key=_decode_bech32(text))
        if text.startswith("AGE-SECRET-KEY-"):
            raise BadRecipient(
                "This is the secret half of an age key. Enter the public half, which begins with age1."
            )
        if not SHORTEST_PASSPHRASE <= len(text) <= LONGEST_PASSPHRASE:
            raise BadRecipient(f"A passphrase must have at least {SHORTEST_PASSPHRASE} characters.")
        return cls(passphrase=text.encode())

    def header(self, file_key: bytes) -> bytes:
        head = "\n".join([_INTRO, *self._stanza(file_key), "---"])
        mac = hmac.digest(_hkdf(file_key, b"", b"header"), head.encode(), "sha256")
        return f"{head} {_base64(mac)}\n".encode()

    def _stanza(self, file_key: bytes) -> list[str]:
        if self.passphrase:
            salt = secrets.token_bytes(16)
            long_salt = f"{_INTRO}/scrypt".encode() + salt
            wrap = hashlib.scrypt(
                self.passphrase, salt=long_salt, n=1 << WORK, r=8, p=1, maxmem=1 << 26, dklen=32
            )
            return [f"-> scrypt {_base64(salt)} {WORK}", _base64(_seal(wrap, bytes(12), file_key))]
        ephemeral = secrets.token_bytes(32)
        share = crypto_scalarmult_base(ephemeral)
        shared = crypto_scalarmult(ephemeral, self.key)
        wrap = _hkdf(shared, share + self.key, f"{_INTRO}/X25519".encode())
        return [f"-> X25519 {_base64(share)}", _base64(_seal(wrap, bytes(12), file_key))]


def encrypted(chunks: Iterable[bytes], size: int, recipient: Recipient) -> tuple[int, Iterator[bytes]]:
    """The number of encrypted bytes, and the bytes: `chunks`, which are `size` in total, for `recipient` alone."""
    file_key, nonce = secrets.token_bytes(16), secrets.token_bytes(16)
    header = recipient.header(file_key) + nonce
    count = max(1, -(-size // CHUNK))
    key = _hkdf(file_key, nonce, b"payload")
    return len(header) + size + count * TAG, _stream(header, _cut(chunks), key, count)


def _stream(header: bytes, pieces: Iterator[bytes], key: bytes, count: int) -> Iterator[bytes]:
    yield header
    for number, piece in enumerate(pieces):
        yield _seal(key, number.to_bytes(11) + bytes([number == count - 1]), piece)


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of `CHUNK`; the last one is shorter, and empty only if it is the only one."""
    rest, any_yet = b"", False
    for chunk in chunks:
        rest += chunk
        while len(rest) >= CHUNK:
            yield rest[:CHUNK]
            rest, any_yet = rest[CHUNK:], True
    if rest or not any_yet:
        yield rest


def _seal(key: bytes, nonce: bytes, data: bytes) -> bytes:
    return crypto_aead_chacha20poly1305_ietf_encrypt(data, None, nonce, key)


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    pseudorandom = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom, info + b"\x01", "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decode_bech32(text: str) -> bytes:
    wrong = BadRecipient("This age key is incomplete. Copy it again.")
    prefix, _, data = text.partition("1")
    if any(letter not in _BECH32 for letter in data):
        raise wrong
    values = [_BECH32.index(letter) for letter in data]
    if _polymod([*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]) != 1:
        raise wrong
    bits = "".join(f"{value:05b}" for value in values[:-6])
    key = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))
    try:
        crypto_scalarmult(secrets.token_bytes(32), key)
    except (RuntimeError, CryptoError, ValueError, TypeError):
        raise wrong from None
    return key


def _polymod(values: list[int]) -> int:
    """The checksum that BIP 173 defines."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check
