"""Identities: ed25519 key pairs, feed ids, and the `secret` file of every SSB program."""

import base64
import binascii
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from nacl import bindings
from nacl.exceptions import BadSignatureError

from scuttlekit.errors import InvalidFormat
from scuttlekit.files import write_whole

KEY_BYTES = 32
CURVE = "ed25519"
SIGNATURE_SUFFIX: Final = f".sig.{CURVE}"

_FILE = """\
# WARNING: Never show this to anyone, and never use it in two places at once.
# Whoever holds this secret can speak as you; two holders fork your feed for ever.
{keys}
# Only this is safe to share, your public name:
#   {id}
"""


def decode_base64(text: str, length: int, what: str) -> bytes:
    """Decode canonical standard base64 of exactly `length` bytes. `what` names it in the error.

    Raises InvalidFormat. Non-canonical base64 is refused, because each key must have only one spelling.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise InvalidFormat(f"{what} is not base64") from None
    if len(data) != length:
        raise InvalidFormat(f"{what} has {len(data)} bytes instead of {length}")
    if base64.b64encode(data).decode() != text:
        raise InvalidFormat(f"{what} is not canonical base64")
    return data


def encode_feed_id(public: bytes) -> str:
    """Format a 32-byte ed25519 public key as a feed id, `@….ed25519`."""
    return f"@{base64.b64encode(public).decode()}.{CURVE}"


def decode_feed_id(feed_id: str) -> bytes:
    """Decode a feed id, `@….ed25519`, into its 32-byte public key. Raises InvalidFormat."""
    if not feed_id.startswith("@") or not feed_id.endswith(f".{CURVE}"):
        raise InvalidFormat(f"a feed id must start with '@' and end with '.{CURVE}'")
    return decode_base64(feed_id[1 : -len(CURVE) - 1], KEY_BYTES, "the feed id's key")


def is_signed_by(feed_id: Any, message: bytes, signature: Any) -> bool:
    """Whether `signature`, in base64 with the suffix `.sig.ed25519`, is this feed's signature of this message.

    False if the id or the signature is malformed.
    """
    if not isinstance(feed_id, str) or not isinstance(signature, str):
        return False
    if not signature.endswith(SIGNATURE_SUFFIX):
        return False
    try:
        decoded = decode_base64(
            signature.removesuffix(SIGNATURE_SUFFIX), bindings.crypto_sign_BYTES, "the signature"
        )
        bindings.crypto_sign_open(decoded + message, decode_feed_id(feed_id))
    except (InvalidFormat, BadSignatureError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 identity. Its `repr` shows only the public id, so that the secret never appears in a log."""

    seed: bytes = field(repr=False)
    public: bytes = field(init=False, repr=False)
    id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise InvalidFormat(f"a key's seed must have {KEY_BYTES} bytes, not {len(self.seed)}")
        public, _ = bindings.crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "id", encode_feed_id(public))

    @classmethod
    def generate(cls) -> Self:
        """A new identity, from the system's random numbers."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @property
    def secret(self) -> bytes:
        """The 64-byte secret key in libsodium's format: seed, then public key."""
        return self.seed + self.public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte detached signature of `message`."""
        return bindings.crypto_sign(message, self.secret)[: bindings.crypto_sign_BYTES]

    def sign_text(self, message: bytes) -> str:
        """Return the signature of `message` in the usual text form: base64 with the suffix `.sig.ed25519`."""
        return f"{base64.b64encode(self.sign(message)).decode()}{SIGNATURE_SUFFIX}"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a `secret` file. Raises OSError, or InvalidFormat, which never quotes the file's content."""
        return cls.parse(Path(path).read_text("utf-8", errors="replace"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a `secret` file's text: JSON between lines of `#` comments, as ssb-keys writes it.

        Raises InvalidFormat, also if the public key or the id belongs to another secret.
        """
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        try:
            fields = json.loads("\n".join(lines))
        except (ValueError, RecursionError):
            raise InvalidFormat("the secret file is not JSON") from None
        if not isinstance(fields, dict):
            raise InvalidFormat("the secret file is not a JSON object")
        if fields.get("curve") != CURVE:
            raise InvalidFormat(f"the secret file's curve is not {CURVE}")
        private, suffix = fields.get("private"), f".{CURVE}"
        if not isinstance(private, str):
            raise InvalidFormat("the secret file has no private key")
        secret = decode_base64(private.removesuffix(suffix), 2 * KEY_BYTES, "the private key")
        keys = cls(secret[:KEY_BYTES])
        if keys.public != secret[KEY_BYTES:]:
            raise InvalidFormat("the private key's two halves do not belong together")
        if fields.get("public", keys.id[1:]) != keys.id[1:] or fields.get("id", keys.id) != keys.id:
            raise InvalidFormat("the secret file's public key or id belongs to another private key")
        return keys

    def format(self) -> str:
        """Return the text of a `secret` file."""
        private = f"{base64.b64encode(self.secret).decode()}.{CURVE}"
        fields = {"curve": CURVE, "public": self.id[1:], "private": private, "id": self.id}
        return _FILE.format(keys=json.dumps(fields, indent=2), id=self.id)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `secret` file that only its owner can read (0400), atomically.

        Raises FileExistsError rather than overwrite an identity, and OSError for disk errors.
        """
        write_whole(Path(path), self.format(), mode=0o400, lasting=True, first=True)
