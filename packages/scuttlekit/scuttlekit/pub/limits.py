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
    Bound("connections", 1000, "connections", "each takes memory, and a file"),
    Bound("strangers", 600, "connections", "those nobody here follows must leave room for guests"),
    Bound(
        "oneHost",
        64,
        "connections",
        "one address must not take all the room; private networks are not bounded",
    ),
    Bound(
        "handshakes",
        500,
        "connections",
        "who has not said yet who they are; the oldest of the address with most of them makes room",
    ),
    Bound("held", 32 << 20, "bytes", "what all peers together leave unread; who holds most is let go"),
    Bound("untaken", 60, "seconds", "a peer that takes nothing of what it is sent must not be waited for"),
    Bound("dialled", 3, "connections", "how many the pub keeps of its own accord"),
    Bound("addresses", 1000, "peers", "how many addresses of peers are remembered"),
    Bound("feeds", 20_000, "feeds", "how many are taken in; the nearest in the follow graph come first"),
    Bound("clock", 20_000, "feeds", "how many a peer may mention at once"),
    Bound(
        "useless",
        10_000,
        "messages",
        "how many in a row a peer may send that are known, wrong or not asked for",
    ),
    Bound("feedBytes", 256 << 20, "bytes a day", "what is taken in of one feed must not fill the disk"),
    Bound("roomForMessages", 16 << 20, "bytes", "what stays free on the disk: it is for the pub's own feed"),
    Bound(
        "disk", 1 << 40, "bytes", "what all files of the pub take at most; what happens there is told below"
    ),
    Bound(
        "traffic",
        1 << 50,
        "bytes a month",
        "what goes over the network, in and out; what happens there is told below",
    ),
    Bound("announced", 20, "peers", "how many addresses one feed may announce"),
    Bound("blob", 5 << 20, "bytes", "the largest blob that is fetched, as for all of Scuttlebutt"),
    Bound("ownBlob", 5 << 20, "bytes", "the largest blob that is added: others fetch no larger one"),
    Bound("blobBytes", 1 << 30, "bytes a day", "what is fetched for one peer must not fill the disk"),
    Bound("roomForBlobs", 64 << 20, "bytes", "what stays free on the disk: messages need it more"),
    Bound("blobs", 1 << 40, "bytes", "what all blobs take at most"),
    Bound("farBlobDays", 36_500, "days", "how long a blob stays that nobody near links"),
    Bound("notes", 1000, "blobs", "how many blobs a peer may speak of at once"),
    Bound("wants", 1000, "blobs", "how many wants of one peer are remembered"),
    Bound("wantedBlobs", 2000, "blobs", "how many blobs the pub looks for"),
    Bound("holders", 5, "peers", "how many peers are remembered that have a blob"),
    Bound("fetching", 8, "blobs", "how many blobs are fetched at once"),
    Bound("fetchingFromOne", 2, "blobs", "how many blobs are fetched from one peer at once"),
    Bound("fetchSeconds", 600, "seconds", "a peer that sends a blob too slowly must not keep its place"),
    Bound(
        "comings", 20, "times", "how often a connection may enter the room: everybody there is told about it"
    ),
    Bound("aliases", 1000, "aliases", "how many members of the room have in all"),
    Bound("aliasesOfOne", 3, "aliases", "one member must not take all good names"),
    Bound("aliasChanges", 20, "changes a day", "each change of a member's is written to the disk"),
    Bound("challenges", 1000, "challenges", "how many sign-ins wait for an app; the oldest makes room"),
    Bound("challengeSeconds", 300, "seconds", "a challenge that is not solved by then is forgotten"),
    Bound("signedIn", 1000, "people", "of how many it is kept when they signed in and out"),
    Bound("tunnels", 200, "tunnels", "how many go through the room"),
    Bound("tunnelsOfOne", 20, "tunnels", "how many begin or end at one peer"),
    Bound("strangeTunnels", 40, "tunnels", "how many strangers have: members must find room"),
    Bound("strangeTunnelsOfOne", 4, "tunnels", "how many one stranger has, or lead strangers to one member"),
    Bound("tunnelOpening", 15, "seconds", "an end that says nothing at first is not there"),
    Bound("tunnelStall", 30, "seconds", "an end that takes nothing must not hold the other up"),
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
        return self._refused


NAMES: Final = frozenset(bound.name for bound in BOUNDS)
