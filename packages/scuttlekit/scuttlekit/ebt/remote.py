"""One peer of an exchange: what it told us, and what to tell and send it."""

from array import array
from collections.abc import Callable, Sized
from typing import Final

from scuttlekit.backoff import backoff
from scuttlekit.ebt.notes import UNKNOWN
from scuttlekit.ebt.pile import Pile

PATIENCE: Final = 5.0
"""Seconds to wait for a feed from a peer that sends nothing at all."""
LONG_PATIENCE: Final = 60.0
"""Seconds to wait for a feed from a peer that is busy sending other feeds."""
LONGEST_BAR: Final = 300.0
"""The most seconds until a peer that repeatedly let us down with a feed is asked for it again."""

_MOST_REFUSALS: Final = 500
_MOST_BARRED: Final = 500
_MOST_HELD: Final = 500
_GROWTH: Final = 256
_BASE_COST: Final = 20_000


class Remote:
    """A peer with an `id`, which other peers may share. `wake` is called when there is something to send to it.

    Feeds are identified by the exchange's numbers, which are indices in `feeds`.
    """

    __slots__ = (
        "_barred",
        "_heard",
        "_held",
        "_letdowns",
        "_notes",
        "due",
        "friend",
        "id",
        "refusals",
        "told",
        "wake",
    )

    def __init__(self, feeds: Sized, peer_id: str, friend: bool, wake: Callable[[], object]) -> None:
        self.id = peer_id
        self.friend = friend
        self.wake = wake
        self.told = Pile(feeds, full=True)
        """Feeds for which it must be sent a note."""
        self.due = Pile(feeds)
        """Feeds whose messages must be sent to it."""
        self.refusals: dict[str, None] = {}
        """Ids of feeds that it must be told are not replicated."""
        self._notes = array("i")
        self._barred: dict[int, tuple[float, int]] = {}
        self._held: dict[int, float] = {}
        self._letdowns = 0
        self._heard = float("-inf")

    @property
    def cost(self) -> int:
        """About how many bytes of memory it uses."""
        return self._notes.itemsize * len(self._notes) + 200 * len(self.refusals) + _BASE_COST

    @property
    def rank(self) -> tuple[bool, int]:
        """The sort key of peers: the lowest is asked first."""
        return not self.friend, self._letdowns

    def note_of(self, number: int) -> int:
        """Its note on a feed, updated by the messages exchanged since."""
        return self._notes[number] if number < len(self._notes) else UNKNOWN

    def set_note(self, number: int, note: int) -> None:
        """Replace its note on a feed, in the form of `scuttlekit.ebt.notes`."""
        if number >= len(self._notes):
            self._notes.extend([UNKNOWN] * (number + _GROWTH - len(self._notes)))
        self._notes[number] = note

    def claims(self, number: int) -> int:
        """Up to which message it has a feed; 0 if it does not replicate it."""
        return max(self.note_of(number) >> 1, 0)

    def tell(self, number: int) -> None:
        """Tell it our note on a feed, with the next notes."""
        self.told.add(number)
        self.wake()

    def send(self, number: int) -> None:
        """Send it the messages of a feed that it lacks, when it is its turn."""
        self.due.add(number)
        self.wake()

    def refuse(self, feed: str) -> None:
        """Tell it, with the next notes, that we do not replicate this feed."""
        # A refusal that does not fit is sent when the feed is requested again. The feed itself is never sent.
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals[feed] = None
            self.wake()

    def hear(self, now: float) -> None:
        """Record that it sent a message."""
        self._heard = now

    def patience(self, now: float) -> float:
        """Seconds to wait for a feed from it."""
        return LONG_PATIENCE if self._heard + PATIENCE > now else PATIENCE

    def bar(self, number: int, now: float) -> None:
        """Do not ask it for a feed for a while, which grows each time."""
        _, times = self._barred.pop(number, (0.0, 0))
        if len(self._barred) >= _MOST_BARRED:
            del self._barred[next(iter(self._barred))]
        self._barred[number] = now + backoff(times, PATIENCE, LONGEST_BAR), times + 1
        self._letdowns += 1

    def barred_until(self, number: int) -> float:
        """Until when it is not asked for a feed, in seconds of the event loop; minus infinity if it may be asked."""
        return self._barred[number][0] if number in self._barred else float("-inf")

    def hold(self, number: int, until: float) -> bool:
        """Hold back a feed until then. Returns False if too many feeds are held. A second call changes nothing."""
        if number not in self._held:
            if len(self._held) >= _MOST_HELD:
                return False
            self._held[number] = until
        return True

    def is_held(self, number: int) -> bool:
        """Whether a feed is held back."""
        return number in self._held

    def let_go(self, number: int) -> None:
        """Release a feed that is held back, if it is."""
        self._held.pop(number, None)

    def take_held(self, now: float) -> list[int]:
        """Release and return the feeds that were held long enough."""
        over = [number for number, until in self._held.items() if until <= now]
        for number in over:
            del self._held[number]
        return over

    def forget(self, number: int) -> None:
        """Forget a feed, because its number will be reused."""
        self._barred.pop(number, None)
        self._held.pop(number, None)
        if self.note_of(number) != UNKNOWN:
            self.set_note(number, UNKNOWN)
