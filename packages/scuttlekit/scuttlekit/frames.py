"""muxrpc's frames: a 9-byte header (flags u8, body length u32, request i32, big-endian) and a body.

The caller numbers its requests, and the other side negates the number in its answer. Nine zero bytes are the
goodbye.

Source: https://ssbc.github.io/scuttlebutt-protocol-guide/#rpc-protocol
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from scuttlekit import canonical
from scuttlekit.errors import InvalidFormat, ProtocolError

MAX_BODY = 1 << 20
"""The largest body we accept or send, in bytes. A message has at most 8 KiB, and blobs come in chunks of 64 KiB."""

GOODBYE = bytes(9)

BINARY: Final = 0
STRING: Final = 1
JSON: Final = 2
_KIND = 3
_END = 4
_STREAM = 8
_FLAGS = 15

_PIECE = 4096

_HEADER = struct.Struct(">BIi")


class Json(bytes):
    """A value that is already JSON text, and is sent as it is."""

    __slots__ = ()


class Frame(NamedTuple):
    """One received frame. Its body is decoded only on demand."""

    flags: int
    request: int
    body: bytes

    @property
    def kind(self) -> int:
        """The type of the body: `BINARY`, `STRING` or `JSON`."""
        return self.flags & _KIND

    @property
    def stream(self) -> bool:
        """Whether it belongs to a stream, and not to a single answer."""
        return bool(self.flags & _STREAM)

    @property
    def end(self) -> bool:
        """Whether it ends its stream, or is an error."""
        return bool(self.flags & _END)

    @property
    def value(self) -> Any:
        """The body as bytes, str or JSON. Raises ProtocolError."""
        return decode_body(self.kind, self.body)


def encode(request: int, value: Any, *, stream: bool = False, end: bool = False) -> bytes:
    """Encode one frame: bytes as binary, str as string, `Json` unchanged, and anything else as JSON.

    Raises ProtocolError for a value that no frame can carry: a body over `MAX_BODY`, a value that is not
    JSON, or an empty body, which ssb-server mistakes for the goodbye.
    """
    kind, body = encode_body(value)
    if not 0 < len(body) <= MAX_BODY:
        raise ProtocolError(f"a frame's body must have 1 to {MAX_BODY} bytes, not {len(body)}")
    flags = kind | (_STREAM if stream else 0) | (_END if end else 0)
    return _HEADER.pack(flags, len(body), request) + body


def encode_body(value: Any) -> tuple[int, bytes]:
    """Return a value's kind (binary, string or JSON) and its bytes. Raises ProtocolError."""
    try:
        if isinstance(value, Json):
            return JSON, value
        if isinstance(value, bytes | bytearray | memoryview):
            return BINARY, bytes(value)
        if isinstance(value, str):
            return STRING, value.encode()
        return JSON, canonical.compact(value)
    except ValueError as error:
        raise ProtocolError(f"the value cannot be sent: {error}") from error


def decode_body(kind: int, body: bytes) -> Any:
    """Decode a body of a given kind. Raises ProtocolError, also for JSON beyond the bounds of `canonical.parse`."""
    if kind == BINARY:
        return body
    try:
        return canonical.parse(body) if kind == JSON else body.decode()
    except InvalidFormat as error:
        raise ProtocolError(f"a body is not acceptable JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a body is not text: {error}") from None


class FrameDecoder:
    """Cuts plain bytes into frames. Holds at most one incomplete frame and the data last fed."""

    __slots__ = ("_kept", "_missing", "_pieces", "ended")

    def __init__(self) -> None:
        # For an incomplete frame: the received pieces, and how many bytes are missing, at least. A growing
        # buffer would be moved around, and with many connections that fragments memory.
        self._pieces: list[bytes] = []
        self._kept = self._missing = 0
        self.ended = False
        """Whether the peer said goodbye. Anything after that is ignored."""

    @property
    def held(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return self._kept

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take plain bytes, and yield the frames that they complete.

        Raises ProtocolError for an invalid header. The decoder is unusable after that.
        """
        if self._missing > len(data):
            self._keep(data)
            self._missing -= len(data)
            return
        if self._pieces:
            data = b"".join([*self._pieces, data])
            self._forget()
        at, most = 0, len(data)
        while not self.ended and most - at >= _HEADER.size:
            flags, length, request = _HEADER.unpack_from(data, at)
            if flags & _KIND == _KIND or flags > _FLAGS:
                raise ProtocolError(f"a frame has the invalid flags {flags}")
            if length > MAX_BODY:
                raise ProtocolError(f"a frame's body of {length} bytes is longer than {MAX_BODY}")
            end = at + _HEADER.size + length
            if end > most:
                self._missing = end - most
                break
            self.ended = flags == length == request == 0
            if not self.ended:
                yield Frame(flags, request, data[at + _HEADER.size : end])
            at = end
        if not self.ended and at < most:
            self._missing = self._missing or _HEADER.size - (most - at)
            self._keep(data[at:])

    def drop(self) -> None:
        """Drop the incomplete frame. The decoder is unusable after that."""
        self.ended = True
        self._forget()

    def _forget(self) -> None:
        self._pieces.clear()
        self._kept = self._missing = 0

    def _keep(self, data: bytes) -> None:
        self._kept += len(data)
        if self._pieces and len(self._pieces[-1]) + len(data) <= _PIECE:
            # Each piece has a memory overhead, and a peer may send single bytes.
            self._pieces[-1] += data
        else:
            self._pieces.append(data)
