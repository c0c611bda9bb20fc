"""Every bound of the pub: its name in the configuration, its default, its unit, and its reason.

A peer beyond a bound is slowed down or disconnected, and the pub goes on. Refusals are counted by the bound's
name.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Bound(NamedTuple):
    """One bound."""

    name: str
    default: int
    unit: str
    reason: str


BOUNDS: Final = (
    Bound("connections", 1000, "connections", "all connections; each takes memory and a file"),
    Bound("strangers", 600, "connections", "from peers that nobody here follows, so that guests find room"),
    Bound(
        "oneHost",
        64,
        "connections",
        "from one address; private networks are not bounded",
    ),
    Bound(
        "handshakes",
        500,
        "connections",
        "that have not finished the handshake; one more closes the oldest, of the address that has the most",
    ),
    Bound(
        "held",
        32 << 20,
        "bytes",
        "that wait for all peers to read them; when there are more, the peer with the most is disconnected",
    ),
    Bound("untaken", 60, "seconds", "until a peer that reads nothing of what it is sent is disconnected"),
    Bound("dialled", 3, "connections", "how many the pub opens and keeps by itself"),
    Bound("addresses", 1000, "peers", "how many addresses of peers are remembered"),
    Bound("feeds", 20_000, "feeds", "how many are replicated; the nearest in the follow graph come first"),
    Bound("clock", 20_000, "feeds", "how many a peer may mention at once"),
    Bound(
        "useless",
        10_000,
        "messages",
        "how many a peer may send in a row that are known, invalid or were not requested",
    ),
    Bound(
        "feedBytes",
        256 << 20,
        "bytes a day",
        "how much is accepted of one feed, so that it does not fill the disk",
    ),
    Bound("roomForMessages", 16 << 20, "bytes", "how much of the disk stays free for the pub's own feed"),
    Bound("disk", 1 << 40, "bytes", "how much all files of the pub may take; see below what happens then"),
    Bound(
        "traffic",
        1 << 50,
        "bytes a month",
        "how much may go over the network, in and out; see below what happens then",
    ),
    Bound("announced", 20, "peers", "how many addresses one feed may announce"),
    Bound("blob", 5 << 20, "bytes", "the largest blob that is fetched, as for all of Scuttlebutt"),
    Bound("ownBlob", 5 << 20, "bytes", "the largest blob that is added: others fetch no larger one"),
    Bound(
        "blobBytes",
        1 << 30,
        "bytes a day",
        "how much is fetched for one peer, so that it does not fill the disk",
    ),
    Bound(
        "roomForBlobs",
        64 << 20,
        "bytes",
        "how much of the disk stays free of blobs, as messages need it more",
    ),
    Bound("blobs", 1 << 40, "bytes", "how much all blobs may take"),
    Bound("farBlobDays", 36_500, "days", "how long a blob is kept that nobody near links to"),
    Bound("notes", 1000, "blobs", "how many a peer may mention at once"),
    Bound("wants", 1000, "blobs", "how many requests of one peer are remembered"),
    Bound("wantedBlobs", 2000, "blobs", "how many blobs the pub looks for"),
    Bound("holders", 5, "peers", "how many peers that have a blob are remembered for it"),
    Bound("fetching", 8, "blobs", "how many blobs are fetched at once"),
    Bound("fetchingFromOne", 2, "blobs", "how many blobs are fetched from one peer at once"),
    Bound("fetchSeconds", 600, "seconds", "how long a peer may take to send a blob"),
    Bound(
        "comings",
        20,
        "times",
        "how often one connection may enter the room, as everybody there is told about it",
    ),
    Bound("aliases", 1000, "aliases", "how many all members of the room may have together"),
    Bound("aliasesOfOne", 3, "aliases", "how many one member may have"),
    Bound(
        "aliasChanges",
        20,
        "changes a day",
        "how often one member may change aliases, as each change is written to the disk",
    ),
    Bound(
        "challenges", 1000, "challenges", "how many sign-ins may wait for an app; one more drops the oldest"
    ),
    Bound("challengeSeconds", 300, "seconds", "how long a challenge waits to be solved"),
    Bound("signedIn", 1000, "people", "for how many it is remembered when they signed in and out"),
    Bound("tunnels", 200, "tunnels", "how many may go through the room"),
    Bound("tunnelsOfOne", 20, "tunnels", "how many may begin or end at one peer"),
    Bound(
        "strangeTunnels", 40, "tunnels", "how many all strangers may have together, so that members find room"
    ),
    Bound(
        "strangeTunnelsOfOne",
        4,
        "tunnels",
        "how many one stranger may have, and how many strangers may have to one member",
    ),
    Bound("tunnelOpening", 15, "seconds", "how long to wait for the first byte from an end"),
    Bound("tunnelStall", 30, "seconds", "how long one end may read nothing before the tunnel is closed"),
)


class Limits:
    """The bounds in effect, and how often each refused something."""

    def __init__(self, given: Mapping[str, float] = MappingProxyType({})) -> None:
        self._numbers = {bound.name: int(given.get(bound.name, bound.default)) for bound in BOUNDS}
        self._given = dict(self._numbers)
        self._refused: dict[str, int] = {}

    def change(self, numbers: Mapping[str, int | None]) -> None:
        """Change bounds from now on; None restores the configured number."""
        for name, number in numbers.items():
            self._numbers[name] = self._given[name] if number is None else number

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def refuse(self, name: str) -> None:
        """Count a refusal, by the name of a bound or of another reason."""
        self._refused[name] = self._refused.get(name, 0) + 1

    @property
    def refused(self) -> Mapping[str, int]:
        """How often each bound applied since the start, by its name. A live view."""
        return self._refused


NAMES: Final = frozenset(bound.name for bound in BOUNDS)
