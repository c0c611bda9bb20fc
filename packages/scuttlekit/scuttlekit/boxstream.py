"""The box stream: what two peers say after the handshake, encrypted in boxes of at most 4096 bytes.

A box is a 34-byte sealed header (body length u16, then the body's 16-byte tag) and the body. Nonces count up by one,
header and body in turn. A header of zeros is the goodbye.

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
    """A 24-byte big-endian counter that starts where the handshake says and wraps at its end."""

    __slots__ = ("_count",)

    def __init__(self, start: bytes) -> None:
        self._count = int.from_bytes(start)

    def take(self) -> bytes:
        nonce = self._count.to_bytes(_NONCE_BYTES)
        self._count = (self._count + 1) % _NONCES
        return nonce


class Sealer:
    """Encrypts our side of the stream; `key` has 32 bytes, `nonce` 24."""

    __slots__ = ("_key", "_nonce")

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = key
        self._nonce = _Nonce(nonce)

    def seal(self, data: bytes) -> bytes:
        """Encrypt any number of bytes as as many boxes as they need; no bytes give no box."""
        return b"".join(self._boxes(data))

    def goodbye(self) -> bytes:
        """Encrypt the end of the stream: 34 bytes after which nothing may be sealed."""
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
    """Decrypts the peer's side of the stream; holds at most one box and what was last fed."""

    __slots__ = ("_buffer", "_key", "_length", "_nonce", "_tag", "ended")

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = key
        self._nonce = _Nonce(nonce)
        self._buffer = bytearray()
        self._tag = b""
        self._length = 0
        self.ended = False
        """Whether the peer said goodbye; what it sends after that is ignored."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes off the wire and give the plain bodies they complete.

        Raises ProtocolError when a box does not open or says it is longer than 4096 bytes. The opener is of no use
        after that.
        """
        self._buffer += data
        while not self.ended:
            if not self._tag and not self._open_header():
                return
            if self.ended:
                break
            if len(self._buffer) < self._length:
                return
            body = self._open(self._tag + self._cut(self._length))
            self._tag = b""
            yield body
        self._buffer.clear()

    def _open_header(self) -> bool:
        if len(self._buffer) < HEADER_BYTES:
            return False
        header = self._open(self._cut(HEADER_BYTES))
        self._length, self._tag = int.from_bytes(header[:2]), header[2:]
        self.ended = not any(header)
        if self._length > MAX_BODY:
            raise ProtocolError(f"a box of {self._length} bytes is longer than {MAX_BODY}")
        return True

    def _open(self, box: bytes) -> bytes:
        try:
            return bindings.crypto_secretbox_open_easy(box, self._nonce.take(), self._key)
        except CryptoError:
            raise ProtocolError("a box does not open: the stream was changed on its way") from None

    def _cut(self, length: int) -> bytes:
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data
