"""Messages in the classic format: their text, ids and signatures, and the rules of a feed.

The rules are as strict as ssb-validate 4.1.4, the validator of ssb-server, and no stricter: if we refuse a
message that others store, its feed ends for everybody who gets it from us. There is one exception:
ssb-validate accepts one or two extra bytes after the 64 of a signature. They change the id but are not
signed, so anybody who passes a message on could end its feed with them.

Sources: https://ssbc.github.io/scuttlebutt-protocol-guide/#feeds, https://github.com/ssbc/ssb-validate and
https://github.com/fraction/ssb-validation-dataset
"""

import base64
import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final

from nacl import bindings, exceptions

from scuttlekit import canonical
from scuttlekit.errors import InvalidFormat, InvalidMessage
from scuttlekit.keys import KEY_BYTES, SIGNATURE_SUFFIX, KeyPair, decode_base64, decode_feed_id

MAX_LENGTH: Final = 8192
"""The longest indented text of a signed message, in UTF-16 units, which is what JavaScript counts."""

MAX_SEQUENCE: Final = 2**31 - 1

_SIGNATURE_BYTES: Final = 64
_TYPE_LENGTHS: Final = range(3, 53)
_FIELDS: Final = (
    ("previous", "sequence", "author", "timestamp", "hash", "content", "signature"),
    ("previous", "author", "sequence", "timestamp", "hash", "content", "signature"),
)

# Canonical base64, then `.box` and anything else on the same line, so that future kinds of boxes are accepted.
_ENCRYPTED = re.compile(
    r"(?:[A-Za-z0-9/+]{4})*+(?:[A-Za-z0-9/+](?:[AQgw]==|[A-Za-z0-9/+][AEIMQUYcgkosw048]=))?"
    r"\.box[^\n\r\u2028\u2029]*"
)


@dataclass(frozen=True, slots=True)
class Head:
    """The latest message of a feed: its sequence number, and its id, `%….sha256`."""

    sequence: int
    key: str


@dataclass(frozen=True, slots=True)
class Message:
    """A valid message. `value` must not be modified."""

    key: str
    """Its id, `%….sha256`."""
    value: dict[str, Any]
    """previous, sequence, author, timestamp, hash, content and signature, in the order in which they were signed."""
    text: bytes
    """The value as compact UTF-8 JSON, as stored in the log and sent to others."""

    @property
    def author(self) -> str:
        """The id of its feed."""
        return self.value["author"]  # type: ignore[no-any-return]

    @property
    def sequence(self) -> int:
        """Its number in the feed, from 1."""
        return self.value["sequence"]  # type: ignore[no-any-return]

    @property
    def content(self) -> Any:
        """A dict with a `type`, or the text of a box."""
        return self.value["content"]

    @property
    def head(self) -> Head:
        """The head against which the feed's next message is checked."""
        return Head(self.sequence, self.key)


def validate(value: Any, head: Head | None, *, hmac_key: bytes | None = None) -> Message:
    """Check a message parsed by `canonical.parse` as the next one after `head` in its author's feed.

    `head` is None if no message of the feed is known; then only the first one is valid. `hmac_key` is the
    32-byte key that a separate network mixes into signatures. Raises InvalidMessage, which says which rule is
    broken.

    A message of 440 bytes takes 75 µs of a core, of which libsodium takes 63 for the signature. Parsing it
    before takes 3.
    """
    fields = _checked_fields(value, head)
    _check_content(fields["content"])
    text, compact = canonical.pretty_and_compact(fields)
    _check_length(text)
    public, signature = _decode_author(fields["author"]), fields["signature"]
    signed = _decode_signature(signature)
    unsigned = text[: -len(f',\n  "signature": "{signature}"\n}}')] + b"\n}"
    if not _is_signed(signed + _authenticated(unsigned, hmac_key), public):
        raise InvalidMessage("the signature is not the author's, or not of this message")
    return Message(_id(text), fields, compact)


def verify(value: Any, *, hmac_key: bytes | None = None) -> Message:
    """Check the form and signature of a single message parsed by `canonical.parse`.

    This does not check whether it follows the messages before it. Raises InvalidMessage.
    """
    return validate(value, _named_before(value), hmac_key=hmac_key)


def create(
    content: Any, keys: KeyPair, head: Head | None, timestamp: float, *, hmac_key: bytes | None = None
) -> Message:
    """Sign `content` as the next message after `head` in the feed of `keys`. `timestamp` is in ms since 1970.

    Raises InvalidMessage for content that no peer would accept: without a `type`, or too long.
    """
    value = {
        "previous": head.key if head else None,
        "sequence": head.sequence + 1 if head else 1,
        "author": keys.id,
        "timestamp": timestamp,
        "hash": "sha256",
        "content": content,
    }
    try:
        unsigned = canonical.pretty(value)
        signature = base64.b64encode(keys.sign(_authenticated(unsigned, hmac_key))).decode()
        # Parsed as others will read it, which turns tuples into lists and integral floats into ints.
        signed = canonical.parse(canonical.compact({**value, "signature": f"{signature}{SIGNATURE_SUFFIX}"}))
    except InvalidFormat as error:
        raise InvalidMessage(f"the content cannot be written as JSON: {error}") from error
    return validate(signed, head, hmac_key=hmac_key)


def message_id(value: Any) -> str:
    """The id of a message with this value, valid or not. Raises InvalidFormat if it is not JSON."""
    return _id(canonical.pretty(value))


def decode_hmac_key(text: Any) -> bytes:
    """Decode the key that a separate network mixes into signatures: base64 of 32 bytes. Raises InvalidFormat."""
    if not isinstance(text, str):
        raise InvalidFormat(f"an HMAC key must be a string, not {type(text).__name__}")
    return decode_base64(text, KEY_BYTES, "the HMAC key")


def _named_before(value: Any) -> Head | None:
    """The message that this one claims to follow."""
    sequence = value.get("sequence") if isinstance(value, dict) else None
    if isinstance(sequence, bool) or not isinstance(sequence, int) or sequence <= 1:
        return None
    return Head(sequence - 1, str(value.get("previous")))


def _checked_fields(value: Any, head: Head | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidMessage("a message must be an object")
    if tuple(value) not in _FIELDS:
        raise InvalidMessage("a message must have seven fields: " + ", ".join(_FIELDS[0]) + ", in this order")
    if value["hash"] != "sha256":
        raise InvalidMessage("a message's hash must be sha256")
    sequence = value["sequence"]
    if isinstance(sequence, bool) or not isinstance(sequence, int):
        raise InvalidMessage("a message's sequence must be a whole number")
    expected = head.sequence + 1 if head else 1
    if sequence != expected or sequence > MAX_SEQUENCE:
        raise InvalidMessage(
            f"message {expected} of the feed was expected, but this one is number {sequence}"
        )
    if not _is_same(value["previous"], head.key if head else None):
        raise InvalidMessage("the message does not follow the one before it: its previous id is different")
    timestamp = value["timestamp"]
    # ssb-validate checks the timestamp of the first message only.
    if head is None and (isinstance(timestamp, bool) or not isinstance(timestamp, int | float)):
        raise InvalidMessage("a message's timestamp must be a number")
    return value


def _is_same(previous: Any, expected: str | None) -> bool:
    # ssb-validate compares them with JavaScript's `!=`, which treats an array of one string as that string.
    while expected is not None and isinstance(previous, list) and len(previous) == 1:
        (previous,) = previous
    return bool(previous == expected)


def _check_content(content: Any) -> None:
    if isinstance(content, str):
        if not _ENCRYPTED.fullmatch(content):
            raise InvalidMessage("content that is a string must be canonical base64, followed by .box")
        return
    if not isinstance(content, dict):
        raise InvalidMessage("a message's content must be an object or an encrypted string")
    kind = content.get("type")
    if not isinstance(kind, str) or canonical.utf16_length(kind) not in _TYPE_LENGTHS:
        raise InvalidMessage("content must have a type, a string of 3 to 52 characters")


def _check_length(text: bytes) -> None:
    # A text has at most as many UTF-16 units as bytes, so most messages need no decoding here.
    if len(text) > MAX_LENGTH and (length := canonical.utf16_length(text.decode())) > MAX_LENGTH:
        raise InvalidMessage(f"a message can have at most {MAX_LENGTH} characters, not {length}")


def _decode_author(author: Any) -> bytes:
    if not isinstance(author, str):
        raise InvalidMessage("a message's author must be a feed id")
    try:
        return _decode_known(author)
    except InvalidFormat as error:
        raise InvalidMessage(f"a message's author must be a feed id: {error}") from None


# Most received messages belong to a few feeds.
_decode_known = functools.lru_cache(maxsize=1000)(decode_feed_id)


def _decode_signature(signature: Any) -> bytes:
    if not isinstance(signature, str) or not signature.endswith(SIGNATURE_SUFFIX):
        raise InvalidMessage(f"a signature must be a string that ends with {SIGNATURE_SUFFIX}")
    try:
        return decode_base64(signature[: -len(SIGNATURE_SUFFIX)], _SIGNATURE_BYTES, "the signature")
    except InvalidFormat as error:
        raise InvalidMessage(str(error)) from None


def _is_signed(signed: bytes, public: bytes) -> bool:
    """Whether the first 64 bytes are the signature of the rest."""
    try:
        bindings.crypto_sign_open(signed, public)
    except exceptions.BadSignatureError:
        return False
    return True


def _authenticated(unsigned: bytes, hmac_key: bytes | None) -> bytes:
    """The bytes to sign: the text or, with a key, its libsodium crypto_auth, which is half an HMAC-SHA-512."""
    if hmac_key is None:
        return unsigned
    return hmac.digest(hmac_key, unsigned, "sha512")[:32]


def _id(text: bytes) -> str:
    """The id: SHA-256 over what Node calls "latin1", the low byte of each UTF-16 unit."""
    latin1 = text if text.isascii() else text.decode().encode("utf-16-le")[::2]
    return f"%{base64.b64encode(hashlib.sha256(latin1).digest()).decode()}.sha256"
