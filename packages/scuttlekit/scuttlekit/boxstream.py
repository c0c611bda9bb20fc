"""The box stream: everything two peers send after the handshake, encrypted in boxes of at most 4096 bytes.

A box is a sealed 34-byte header (body length u16, then the body's 16-byte tag) and the body. The nonce
increases by one for each header and each body. A header of zeros is the goodbye.

Source: https://ssbc.github.io/scuttlebutt-protocol-guide/#box-stream
"""

from collections.abc import Iterator

from nacl import bindings
from nacl.exceptions import CryptoError

from scuttlekit.errors import ProtocolError

MAX_BODY = 4096
HEADER_BYTES = 34

_TAG = 16
_PLAIN_HEADER = 2 + _TAG
_NONCE_BYTES = 24
_NONCES = 1 << (8 * _NONCE_BYTES)


class _Nonce:
    """A 24-byte big-endian counter that starts at the handshake's nonce and wraps around."""

    __slots__ = ("_count",)

    def __init__(self, start: bytes) -> None:
        self._count = int.from_bytes(start)

    def take(self) -> bytes:
        nonce = self._count.to_bytes(_NONCE_BYTES)
        self._count += 1
        if self._count == _NONCES:
            self._count = 0
        return nonce


class Sealer:
    """Encrypts our side of the stream. `key` has 32 bytes, `nonce` 24."""

    __slots__ = ("_key", "_nonce")

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = key
        self._nonce = _Nonce(nonce)

    def seal(self, data: bytes) -> bytes:
        """Encrypt any number of bytes in as many boxes as needed; none for empty data."""
        return b"".join(self._boxes(data))

    def goodbye(self) -> bytes:
        """Encrypt the end of the stream: 34 bytes. Nothing may be sealed after it."""
        return bindings.crypto_secretbox_easy(bytes(_PLAIN_HEADER), self._nonce.take(), self._key)

    def _boxes(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), MAX_BODY):
            body = data[start : start + MAX_BODY]
            header_nonce = self._nonce.take()
            box = bindings.crypto_secretbox_easy(body, self._nonce.take(), self._key)
            header = len(body).to_bytes(2) + box[:_TAG]
            yield bindings.crypto_secretbox_easy(header, header_nonce, self._key)
            yield box[_TAG:]


class Opener:
    """Decrypts the peer's side of the stream. Holds at most one box and the data last fed."""

    __slots__ = ("_key", "_nonce", "_rest", "_tag", "_want", "ended")

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = key
        self._nonce = _Nonce(nonce)
        self._rest = b""
        """The received part of an incomplete header or body."""
        self._tag = b""
        """The tag of the body that comes next; empty if a header comes next."""
        self._want = HEADER_BYTES
        """The length of the header or body that comes next."""
        self.ended = False
        """Whether the peer said goodbye. Anything after that is ignored."""

    @property
    def held(self) -> int:
        """How many bytes of an incomplete box are held."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take received bytes, and yield the decrypted bodies that they complete.

        Raises ProtocolError if a box does not open or claims more than 4096 bytes. The opener is unusable
        after that.
        """
        data = self._rest + data
        self._rest = b""
        at = 0
        while not self.ended and len(data) - at >= self._want:
            piece = data[at : at + self._want]
            at += self._want
            if self._tag:
                body = self._open(self._tag + piece)
                self._tag, self._want = b"", HEADER_BYTES
                yield body
            else:
                self._read_header(self._open(piece))
        if not self.ended:
            self._rest = data[at:]

    def _read_header(self, header: bytes) -> None:
        self._want, self._tag = int.from_bytes(header[:2]), header[2:]
        self.ended = not any(header)
        if self._want > MAX_BODY:
            raise ProtocolError(f"a box of {self._want} bytes is longer than {MAX_BODY}")

    def _open(self, box: bytes) -> bytes:
        try:
            return bindings.crypto_secretbox_open_easy(box, self._nonce.take(), self._key)
        except CryptoError:
            raise ProtocolError("a box cannot be decrypted: the stream was altered in transit") from None
