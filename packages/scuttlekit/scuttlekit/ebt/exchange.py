"""The rules of the exchange: what each peer is told and sent, and which peer is asked for which feed."""

import random
from array import array
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from scuttlekit.ebt.notes import DOUBTED, MAX_SEQUENCE, NOT_REPLICATED, UNKNOWN, note
from scuttlekit.ebt.remote import Remote

_CHECKS_A_TICK: Final = 20_000
_REFUSED: Final = (NOT_REPLICATED, DOUBTED)
_PAUSES: Final = 0.5, 2.0
"""The least and the most seconds before messages that a peer requested twice are sent again."""

_jitter = random.Random()  # nosec B311 # noqa: S311 - it spreads answers, and protects no secret


def _some_pause() -> float:
    return _jitter.uniform(*_PAUSES)


class Due(NamedTuple):
    """A feed to send to a peer, from the message after `after`."""

    feed: str
    after: int


class Exchange:
    """What we have and want, and the peers we exchange it with.

    `withholds(feed, peer)` says, by their ids, whether a feed must not be sent to a peer. `pause` returns the
    seconds before messages that a peer requested twice are sent again. Times are in seconds of any monotonic
    clock.
    """

    def __init__(
        self,
        withholds: Callable[[str, str], bool] = lambda _feed, _peer: False,
        pause: Callable[[], float] = _some_pause,
    ) -> None:
        self._withholds = withholds
        self._pause = pause
        # Each feed has a number, which is its index in these.
        self._numbers: dict[str, int] = {}
        self._feeds: list[str] = []
        self._ours = array("i")
        self._wanted = bytearray()
        self._free: list[int] = []
        self._remotes: dict[Remote, None] = {}
        # For each wanted feed: the peer asked to send it, and since when we have waited for what it claims to have.
        self._sources: dict[int, Remote] = {}
        self._waiting: dict[int, float] = {}
        # Feeds whose source is gone, and when to ask again for feeds that nobody could send.
        self._orphans: dict[int, None] = {}
        self._later: dict[int, float] = {}

    @property
    def remotes(self) -> Iterable[Remote]:
        """The peers that we replicate with. A live view."""
        return self._remotes.keys()

    def wants(self, feed: str) -> bool:
        """Whether we want this feed."""
        number = self._numbers.get(feed)
        return number is not None and bool(self._wanted[number])

    def source_of(self, feed: str) -> Remote | None:
        """The peer that is asked to send us a feed, or None."""
        number = self._numbers.get(feed)
        return None if number is None else self._sources.get(number)

    # What we have and want.

    def have(self, feed: str, sequence: int, now: float) -> None:
        """Record that we have a feed up to `sequence`."""
        number = self._number(feed)
        if sequence <= self._ours[number]:
            return
        self._ours[number] = min(sequence, MAX_SEQUENCE)
        for remote in self._remotes:
            theirs = remote.note_of(number)
            if theirs == NOT_REPLICATED or (theirs >= 0 and theirs >> 1 >= sequence):
                continue
            if theirs == DOUBTED:
                remote.set_note(number, NOT_REPLICATED)
            if theirs >= 0 and not theirs & 1:
                remote.send(number)
            else:
                remote.tell(number)
        if number in self._waiting:
            if self._sources[number].claims(number) > sequence:
                self._waiting[number] = now
            else:
                del self._waiting[number]

    def want(self, feeds: Iterable[str]) -> None:
        """Replace the set of wanted feeds."""
        wanted = set(feeds)
        gone = []
        for feed, number in self._numbers.items():
            if self._wanted[number]:
                if feed in wanted:
                    wanted.discard(feed)
                else:
                    gone.append((feed, number))
        for feed, number in gone:
            self._drop(feed, number)
        for feed in wanted:
            number = self._number(feed)
            self._wanted[number] = 1
            self._orphans[number] = None
            for remote in self._remotes:
                remote.tell(number)

    # Peers that join and leave, and what they send.

    def join(
        self, peer_id: str, *, friend: bool = False, wake: Callable[[], object] = lambda: None
    ) -> Remote:
        """Add a peer. The same id may join several times, each as a separate peer."""
        remote = Remote(self._feeds, peer_id, friend, wake)
        self._remotes[remote] = None
        return remote

    def leave(self, remote: Remote) -> None:
        """Remove a peer, and forget everything it sent."""
        if self._remotes.pop(remote, 0) is None:
            for number in [number for number, source in self._sources.items() if source is remote]:
                self._release(number)

    def hear_notes(self, remote: Remote, notes: Mapping[str, int], now: float) -> None:
        """Process a peer's notes, as returned by `read_notes`."""
        for feed, theirs in notes.items():
            number = self._numbers.get(feed)
            if number is None:
                if theirs != NOT_REPLICATED:
                    remote.refuse(feed)
                continue
            before = remote.note_of(number)
            remote.set_note(number, theirs)
            if theirs == NOT_REPLICATED:
                if before != NOT_REPLICATED:
                    # Until its app has told ssb-ebt whom it follows, it refuses every feed it hears of. If
                    # both sides have the same messages of a feed, it then never mentions it again, and would
                    # not request new ones.
                    remote.set_note(number, DOUBTED)
                if self._sources.get(number) is remote:
                    self._release(number)
            elif self._may_have(remote, number):
                if self._holds(remote, number, before, now):
                    remote.set_note(number, theirs | 1)
                self._weigh(remote, number, before, now)
            else:
                remote.set_note(number, NOT_REPLICATED)
                remote.refuse(feed)

    def hear_message(self, remote: Remote, feed: str, sequence: int, now: float) -> None:
        """Record that a peer sent a message, so that it has the feed at least up to `sequence`."""
        remote.hear(now)
        number = self._numbers.get(feed)
        if number is not None and (theirs := remote.note_of(number)) >> 1 < sequence <= MAX_SEQUENCE:
            remote.set_note(number, note(sequence, wants=theirs >= 0 and not theirs & 1))

    def let_down(self, remote: Remote, feed: str, sequence: int, now: float) -> None:
        """Record that a peer sent a bad message. Another peer is asked for the feed, and this one again later."""
        self.hear_message(remote, feed, sequence, now)
        number = self._numbers.get(feed)
        if number is None or remote.barred_until(number) > now:
            # This message was already under way when the peer sent a bad one.
            return
        remote.bar(number, now)
        if self._sources.get(number) is remote:
            self._release(number)
            self._find_source(number, now)

    def tick(self, now: float) -> list[tuple[Remote, str]]:
        """Ask other peers for feeds that have stalled. Call it about twice a second.

        Returns the stalled feeds that no other peer has more of, each with the peer that claims to have more.
        """
        for remote in self._remotes:
            for number in remote.take_held(now):
                if (theirs := remote.note_of(number)) >= 0:
                    remote.set_note(number, theirs & ~1)
                    remote.send(number)
        # Finding a source means checking all peers, so the number of feeds checked at a time is limited.
        most = _CHECKS_A_TICK // (len(self._remotes) + 1)
        stalled = []
        silent = (number for number in tuple(self._waiting) if self._is_silent(number, now))
        for number in islice(silent, most):
            source = self._sources[number]
            source.bar(number, now)
            self._release(number)
            if not self._find_source(number, now):
                stalled.append((source, self._feeds[number]))
        for number in [number for number, at in self._later.items() if at <= now]:
            del self._later[number]
            self._orphans[number] = None
        for number in list(islice(self._orphans, most)):
            del self._orphans[number]
            if self._is_idle(number):
                self._find_source(number, now)
        return stalled

    # What to send.

    def take_notes(self, remote: Remote, most: int) -> dict[str, int]:
        """Take at most `most` notes to send to a peer now; empty if there is nothing to say."""
        notes: dict[str, int] = {}
        while remote.refusals and len(notes) < most:
            feed, _ = remote.refusals.popitem()
            notes[feed] = NOT_REPLICATED
        if len(notes) < most:
            for number in remote.told.take():
                ours = self._note_for(remote, number)
                if ours is not None:
                    notes[self._feeds[number]] = ours
                    if len(notes) >= most:
                        break
        return notes

    def take_due(self, remote: Remote) -> Due | None:
        """Take a feed to send to a peer now. After `sent`, it is due again, behind all others, if there is
        more of it.
        """
        for number in remote.due.take():
            theirs = remote.note_of(number)
            if theirs < 0 or theirs & 1 or theirs >> 1 >= self._ours[number]:
                continue
            if self._may_have(remote, number):
                return Due(self._feeds[number], theirs >> 1)
            remote.set_note(number, NOT_REPLICATED)
            remote.refuse(self._feeds[number])
        return None

    def sent(self, remote: Remote, feed: str, sequence: int) -> None:
        """Record that a due feed is being sent up to `sequence`. Call it before reporting anything else."""
        number = self._numbers.get(feed)
        if number is not None and 0 <= (theirs := remote.note_of(number)) < note(sequence, wants=True):
            remote.set_note(number, note(sequence, wants=not theirs & 1))
            if sequence < self._ours[number]:
                remote.due.add(number)

    # Internals.

    def _number(self, feed: str) -> int:
        number = self._numbers.get(feed)
        if number is None:
            if self._free:
                number = self._free.pop()
                self._feeds[number] = feed
            else:
                number = len(self._feeds)
                self._feeds.append(feed)
                self._ours.append(0)
                self._wanted.append(0)
            self._numbers[feed] = number
        return number

    def _drop(self, feed: str, number: int) -> None:
        self._wanted[number] = 0
        for where in (self._sources, self._waiting, self._orphans, self._later):
            where.pop(number, None)
        if self._ours[number]:
            for remote in self._remotes:
                remote.tell(number)
            return
        # Somebody may follow and unfollow thousands of ids that nobody has, so their numbers are reused.
        del self._numbers[feed]
        self._feeds[number] = ""
        self._free.append(number)
        for remote in self._remotes:
            if remote.note_of(number) >= 0:
                remote.refuse(feed)
            remote.forget(number)

    def _may_have(self, remote: Remote, number: int) -> bool:
        return not self._withholds(self._feeds[number], remote.id)

    def _note_for(self, remote: Remote, number: int) -> int | None:
        """The note about a feed to send to a peer now; None for none."""
        feed, theirs = self._feeds[number], remote.note_of(number)
        wanted, ours = self._wanted[number], self._ours[number]
        # A feed that we have but no longer want is mentioned only to its author and to peers that mention it.
        if not feed or not (wanted or (ours and (theirs != UNKNOWN or feed == remote.id))):
            return None
        if not self._may_have(remote, number):
            return None if theirs == UNKNOWN else NOT_REPLICATED
        source = self._sources.get(number)
        if wanted and source is None and theirs not in _REFUSED and remote.barred_until(number) < 0:
            self._sources[number] = source = remote
            self._orphans.pop(number, None)
        return note(ours, wants=source is remote)

    def _holds(self, remote: Remote, number: int, before: int, now: float) -> bool:
        """Whether to send messages that a peer just requested only after a pause, since it was already sent them.

        An app that requests the same messages from two peers may lose both copies: ssb-db2 adds the messages
        of a feed that arrive within 250 ms as one batch, and refuses the batch if it contains a message
        twice. Then it requests them again from both peers at the same time.
        """
        theirs = remote.note_of(number)
        asks_back = theirs >> 1 < before >> 1 or (theirs >> 1 == before >> 1 and remote.is_held(number))
        if asks_back and not theirs & 1:
            return remote.hold(number, now + self._pause())
        remote.let_go(number)
        return False

    def _weigh(self, remote: Remote, number: int, before: int, now: float) -> None:
        """React to a peer's claim of how far it has a feed."""
        theirs, ours = remote.note_of(number), self._ours[number]
        claimed = theirs >> 1
        if claimed < ours:
            if theirs & 1:
                # It may choose us as its source later, so it must know what we have.
                remote.tell(number)
            else:
                remote.send(number)
        elif not self._wanted[number]:
            if before == UNKNOWN:
                remote.tell(number)
        elif claimed > ours:
            self._consider(remote, number, now)
        if claimed <= ours and self._sources.get(number) is remote:
            self._waiting.pop(number, None)

    def _consider(self, remote: Remote, number: int, now: float) -> None:
        """Ask a peer that has more of a feed than we do, if that is useful."""
        source = self._sources.get(number)
        if source is remote:
            self._waiting.setdefault(number, now)
        elif self._is_idle(number) or (source is not None and remote.friend and not source.friend):
            if (until := remote.barred_until(number)) <= now:
                self._ask(remote, number, now)
            else:
                self._later[number] = min(until, self._later.get(number, until))

    def _ask(self, remote: Remote, number: int, now: float) -> None:
        before = self._sources.get(number)
        self._sources[number] = remote
        self._orphans.pop(number, None)
        self._later.pop(number, None)
        if remote.claims(number) > self._ours[number]:
            self._waiting[number] = now
        else:
            self._waiting.pop(number, None)
        remote.tell(number)
        if before is not None and before is not remote:
            before.tell(number)

    def _release(self, number: int) -> None:
        source = self._sources.pop(number)
        self._waiting.pop(number, None)
        self._orphans[number] = None
        if source in self._remotes and source.note_of(number) not in _REFUSED:
            source.tell(number)

    def _find_source(self, number: int, now: float) -> bool:
        """Ask the best peer that has more of a feed than we do. Returns False if there is none to ask."""
        self._orphans.pop(number, None)
        ahead = [remote for remote in self._remotes if remote.claims(number) > self._ours[number]]
        free = [remote for remote in ahead if remote.barred_until(number) <= now]
        if free:
            self._ask(min(free, key=lambda remote: remote.rank), number, now)
        elif ahead:
            self._later[number] = min(remote.barred_until(number) for remote in ahead)
        return bool(free)

    def _is_idle(self, number: int) -> bool:
        """Whether no peer is asked for a feed, or only one that has no more of it than we do."""
        source = self._sources.get(number)
        return source is None or source.claims(number) <= self._ours[number]

    def _is_silent(self, number: int, now: float) -> bool:
        """Whether we have waited too long for a feed."""
        return now - self._waiting[number] >= self._sources[number].patience(now)
