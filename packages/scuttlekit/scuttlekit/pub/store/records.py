"""Records of the log: a message with its id and received time, as JSON in ssb-server's format."""

import binascii
import re
from typing import Any, NamedTuple

import orjson

from scuttlekit import canonical
from scuttlekit.errors import InvalidFormat
from scuttlekit.graph import relation_in
from scuttlekit.messages import MAX_SEQUENCE, Head, Message

_KEY = b'{"key":"'
_VALUE = b'","value":'
_TIMESTAMP = b',"timestamp":'
_AUTHOR = b',"author":"'
_BLOB = re.compile(rb"&([A-Za-z0-9+/]{43}=)\.sha256")
_KEY_LENGTH = len("%.sha256") + 44
_KEY_ENDS = len(_KEY) + _KEY_LENGTH
_VALUE_BEGINS = _KEY_ENDS + len(_VALUE)
_ID = re.compile("[%@][!-~]{1,99}")
_LATEST = 1 << 53

LONGEST_NAME = 200
LONGEST_NOTE = 100


class Stored(NamedTuple):
    """A message in the log. It is parsed only on demand."""

    key: str
    """Its id, `%….sha256`."""
    offset: int
    """The byte in the log where its record begins."""
    record: bytes
    """`{"key": …, "value": …, "timestamp": …}`, UTF-8."""

    @property
    def value_text(self) -> bytes:
        """The message itself, `{"previous": …}`, as the compact JSON that is sent to others."""
        ends = self.record.rfind(_TIMESTAMP)
        if self.record[_KEY_ENDS:_VALUE_BEGINS] == _VALUE and ends > 0:
            return self.record[_VALUE_BEGINS:ends]
        return canonical.compact(self.value)

    @property
    def author(self) -> str:
        """The feed that it belongs to."""
        # The fields before it, `previous` and `sequence`, cannot contain this key.
        begins = self.record.index(_AUTHOR, _VALUE_BEGINS) + len(_AUTHOR)
        return self.record[begins : self.record.index(b'"', begins)].decode()

    @property
    def value(self) -> dict[str, Any]:
        """The message, parsed again on each access."""
        return canonical.parse(self.record)["value"]  # type: ignore[no-any-return]

    @property
    def received(self) -> float:
        """When it was stored, in ms since 1970. It is unique within a log."""
        return _time_in(canonical.parse(self.record))


class IndexEntry(NamedTuple):
    """What the index keeps of a message."""

    key: str
    author: str
    sequence: int
    relation: tuple[str, int] | None
    """Whom it follows or blocks, as from `graph.relation_in`."""
    name: str | None
    """The name that it gives its author, if any, in at most `LONGEST_NAME` characters that SQLite can store."""
    note: str | None
    """The note about whom it follows, which shows the use of an invite, in at most `LONGEST_NOTE` characters."""
    is_use: bool
    """Whether it records the use of an invite."""
    said: int
    """The time claimed by its author, in ms since 1970."""
    received: int
    """When it was stored, in ms since 1970."""
    size: int
    """The size of its record in bytes, without the frame."""
    blobs: tuple[bytes, ...]
    """The SHA-256 of each blob that it links."""

    @property
    def head(self) -> Head:
        return Head(self.sequence, self.key)


def record_of(message: Message, received: float) -> bytes:
    """Format the record of a message that was received at `received`, in ms since 1970."""
    return b'{"key":"%b","value":%b,"timestamp":%b}' % (
        message.key.encode(),
        message.text,
        (repr(received) if received % 1 else str(int(received))).encode(),
    )


def stored(record: bytes, offset: int) -> Stored | None:
    """Read the message in a record; None if the record is other JSON. Raises InvalidFormat."""
    if record.startswith(_KEY) and record[_KEY_ENDS:_VALUE_BEGINS] == _VALUE:
        return Stored(record[len(_KEY) : _KEY_ENDS].decode("ascii", "replace"), offset, record)
    entry = entry_of(record)
    return Stored(entry.key, offset, record) if entry else None


def entry_of(record: bytes) -> IndexEntry | None:
    """Read the index entry of a record; None if it is JSON but not a message, which ssb-server never writes.

    Raises InvalidFormat if it is not JSON.
    """
    try:
        # Several times faster, and enough for all but unusual texts.
        fields = orjson.loads(record)
    except orjson.JSONDecodeError:
        fields = canonical.parse(record)
    try:
        key, value = fields["key"], fields["value"]
        author, sequence, content = value["author"], value["sequence"], value["content"]
    except (KeyError, TypeError, IndexError):
        return None
    if not _is_id(key) or not _is_id(author) or not isinstance(sequence, int):
        return None
    if not 0 < sequence <= MAX_SEQUENCE:
        return None
    return _entry(key, author, sequence, content, value.get("timestamp"), _time_in(fields), record)


def entry_of_message(message: Message, record: bytes, received: float) -> IndexEntry:
    """The index entry of a message, its record, and when it was received, in ms since 1970."""
    value = message.value
    return _entry(
        message.key,
        value["author"],
        value["sequence"],
        value["content"],
        value["timestamp"],
        received,
        record,
    )


def received_in(record: bytes) -> float:
    """When a record was stored, in ms since 1970; 0 if it does not say."""
    try:
        return _time_in(canonical.parse(record))
    except InvalidFormat:
        return 0


def _entry(
    key: str, author: str, sequence: int, content: Any, said: Any, received: float, record: bytes
) -> IndexEntry:
    kind = content.get("type") if isinstance(content, dict) else None
    relation = relation_in(content) if kind == "contact" else None
    note = content.get("note") if relation else None
    name = content.get("name") if kind == "about" and content.get("about") == author else None
    return IndexEntry(
        key,
        author,
        sequence,
        relation,
        _kept(name, LONGEST_NAME) if isinstance(name, str) else None,
        _kept(note, LONGEST_NOTE) if isinstance(note, str) else None,
        bool(relation) and content.get("pub") is True,
        _whole(said),
        _whole(received),
        len(record),
        _blobs_in(record),
    )


def _kept(text: str, longest: int) -> str:
    """Make a text safe for SQLite, which takes no lone surrogates and ends a text at NUL."""
    return text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _whole(time: Any) -> int:
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    return int(time) if is_number and 0 <= time < _LATEST else 0


def _blobs_in(record: bytes) -> tuple[bytes, ...]:
    # Most messages link no blobs.
    if b"&" not in record:
        return ()
    return tuple({binascii.a2b_base64(digits) for digits in _BLOB.findall(record)})


def _is_id(text: Any) -> bool:
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _time_in(fields: Any) -> float:
    time = fields.get("timestamp") if isinstance(fields, dict) else None
    return time if isinstance(time, int | float) and not isinstance(time, bool) else 0
