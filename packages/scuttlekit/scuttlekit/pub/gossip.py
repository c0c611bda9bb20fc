"""The known peer addresses, stored in the file `gossip.json` in the format of ssb-gossip."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import orjson

from scuttlekit.addresses import Address
from scuttlekit.backoff import backoff
from scuttlekit.errors import InvalidFormat
from scuttlekit.files import write_whole

LARGEST: Final = 4 << 20
"""The most bytes read from the file."""

LOCAL: Final = "local"
"""The source of addresses discovered on a local network; they mean nothing elsewhere."""

ANNOUNCED: Final = "pub"
"""The source of addresses from messages of the type `pub`."""

FIRST_WAIT: Final = 15.0
LONGEST_WAIT: Final = 24 * 3600.0
"""Seconds until a peer that did not answer is retried: the first time, and at most."""

_KEPT: Final = ("announcers", "duration", "failure", "ping", "client", "error")
_MILLISECONDS: Final = 1000


@dataclass(slots=True)
class KnownAddress:
    """A known address, and the result of dialling it."""

    address: Address
    text: str
    """The address as received, which may contain alternative addresses."""
    source: str
    failures: int = 0
    changed: float = 0.0
    """When it was last dialled, connected or disconnected, in ms since 1970."""
    more: dict[str, Any] = field(default_factory=dict)
    """Other fields that ssb-gossip keeps for a peer."""

    @property
    def key(self) -> str:
        return self.address.key

    def as_written(self) -> dict[str, Any]:
        """The entry in ssb-gossip's format."""
        return {
            **self.more,
            "address": self.text,
            "key": self.key,
            "host": self.address.host,
            "port": self.address.port,
            "source": self.source,
            "failure": self.failures,
            "stateChange": int(self.changed),
        }

    def tried(self, *, well: bool) -> None:
        """Record that it was dialled, and whether that went well."""
        self.failures = 0 if well else self.failures + 1
        self.changed = time.time() * _MILLISECONDS

    def is_due(self, now: float) -> bool:
        """Whether it may be dialled at `now`, in ms since 1970. The wait doubles with each failure."""
        wait = backoff(self.failures, FIRST_WAIT, LONGEST_WAIT) if self.changed else 0.0
        # A clock that was set back must not keep the pub from dialling.
        return not now - wait * _MILLISECONDS < self.changed <= now

    @classmethod
    def read(cls, entry: Any) -> Self:
        """Read an entry of the file. Raises InvalidFormat if it is not a peer's address."""
        if not isinstance(entry, dict):
            raise InvalidFormat("an entry of gossip.json must be an object")
        address, text = read_address(entry)
        source = entry.get("source")
        return cls(
            address=address,
            text=text,
            source=source if isinstance(source, str) else "stored",
            failures=_count(entry.get("failure")),
            changed=_count(entry.get("stateChange")),
            more={name: entry[name] for name in _KEPT if name in entry},
        )


class Gossip:
    """The known addresses by peer id, at most `most` of them."""

    def __init__(self, folder: Path, most: int) -> None:
        self._path = folder / "gossip.json"
        self._most = most
        self._known: dict[str, KnownAddress] = {}
        self.broken = 0
        """How many entries of the file were invalid and left out."""
        self.is_changed = False
        self.is_new = False
        """Whether there was no file, so that addresses must be collected again."""

    def read(self) -> None:
        """Read the file. Invalid content is left out and never stops the pub. Raises OSError."""
        try:
            with self._path.open("rb") as file:
                entries = orjson.loads(file.read(LARGEST))
        except FileNotFoundError:
            self.is_new = True
            return
        except ValueError:
            entries = None
        if not isinstance(entries, list):
            self.broken += 1
            return
        for entry in entries:
            try:
                known = KnownAddress.read(entry)
            except InvalidFormat:
                self.broken += 1
                continue
            if known.source != LOCAL:
                self.add(known)
        self.is_changed = False

    def write(self) -> None:
        """Write the file if anything changed. Raises OSError."""
        if self.is_changed:
            self.is_changed = False
            entries = [known.as_written() for known in self._known.values()]
            write_whole(self._path, orjson.dumps(entries, option=orjson.OPT_INDENT_2))

    def __iter__(self) -> Iterator[KnownAddress]:
        return iter(tuple(self._known.values()))

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> KnownAddress | None:
        return self._known.get(key)

    def add(self, known: KnownAddress) -> KnownAddress:
        """Add an address, and return the entry for that peer. An existing entry is kept.

        If the list is full, the address with the most failures in a row is dropped. But an announced address
        never replaces one without failures.
        """
        if (existing := self._known.get(known.key)) is not None:
            return existing
        if len(self._known) >= self._most:
            worst = max(self._known.values(), key=lambda other: other.failures)
            if known.source == ANNOUNCED and not worst.failures:
                return known
            del self._known[worst.key]
        self._known[known.key] = known
        self.is_changed = True
        return known

    def remove(self, key: str) -> bool:
        """Forget a peer. Returns False if it was not known."""
        self.is_changed = True
        return self._known.pop(key, None) is not None


def read_address(given: Any) -> tuple[Address, str]:
    """Read an address in any form found in calls, messages and files, and return it with its text.

    The forms are a multiserver address, `host:port:@key.ed25519`, and an object with `address`, or with
    `host`, `port` and `key`. Raises InvalidFormat.
    """
    if isinstance(given, str):
        return Address.parse(given), given.strip()
    if not isinstance(given, dict):
        raise InvalidFormat("an address must be a string, or an object with host, port and key")
    if isinstance(text := given.get("address"), str):
        return Address.parse(text), text.strip()
    host, port, key = given.get("host"), given.get("port"), given.get("key")
    if not isinstance(host, str) or not isinstance(key, str) or not isinstance(port, int | float | str):
        raise InvalidFormat("an address must be a string, or an object with host, port and key")
    if not str(port).removesuffix(".0").isdecimal() or len(str(port)) > len("65535.0"):
        raise InvalidFormat("an address needs a port number")
    transport = "onion" if host.endswith(".onion") else "net"
    address = Address(host, int(float(port)), key, transport)
    return address, address.multiserver


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 53 else 0
