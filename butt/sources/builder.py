"""The builder: notices when a source has changed, builds what waits, and removes releases that nobody needs.

It works beside the steward's rounds, in a thread, because a build takes long. All its work is recorded in rows and can be
repeated: if it is killed anywhere, the next builder starts the same build again.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from butt.agents.models import Wanted
from butt.agents.wake import wake_steward
from butt.configuration import configuration
from butt.rounds import GoOn, rounds
from butt.services.interface import PUB_RELEASES
from butt.sources import shelf
from butt.sources.kind import BuildFailed
from butt.sources.kinds import KINDS, kind_of
from butt.sources.models import Release
from butt.sources.places import sources
from butt.sources.releases import Built, Stamp, build, check, digest_of, release, remove, stamp_of
from butt.waking.listening import listening
from scuttlekit.backoff import backoff

log = logging.getLogger("butt.builder")

LOOK, LOOK_AFTER_TROUBLE, READ = 5.0, 60.0, 60.0
"""Seconds between looks at the sources. Files that seem unchanged are read only every `READ` seconds."""
AFTER_TROUBLE = 5.0
FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(minutes=1), shelf.FURTHEST


class Builder:
    """`pub_source` returns where the pub's source is now, if not where the settings say. It may raise `BuildFailed`."""

    def __init__(self, pub_source: Callable[[], Path] | None = None) -> None:
        self._sources = sources() | ({PUB_RELEASES: pub_source} if pub_source else {})
        self._looked, self._read = -LOOK, -READ
        self._stamps: dict[str, Stamp] = {}

    def run(self, go_on: GoOn) -> None:
        """Run rounds for as long as `go_on()` is true."""
        with listening(Release) as written:
            rounds(lambda: 0.0 if self.round() else LOOK, go_on, log, AFTER_TROUBLE, written.wait)

    def round(self) -> bool:
        """Whether anything was built."""
        if time.monotonic() >= self._looked + LOOK:
            self._looked = time.monotonic()
            reads = self._looked >= self._read + READ
            if reads:
                self._read = self._looked
                self._stamps.clear()
            self.look()
            if reads:
                self._clear()
        due = shelf.due(timezone.now())
        if due is None:
            return False
        self.make(due)
        self._clear()
        return True

    def look(self) -> None:
        """See what each source was changed to; a new one waits to be built."""
        for name, place in self._sources.items():
            self._find(name, place)

    def make(self, wanted: Release) -> None:
        """Build one. However it ends, its row says so, and whoever waits for it is notified."""
        wanted.state, wanted.log = Release.State.BUILDING, ""
        _save(wanted, "state", "log")

        def say(how_far: str, log: str) -> None:
            if (how_far, log) != (wanted.progress, wanted.log):
                wanted.progress, wanted.log = how_far, log
                _save(wanted, "progress", "log")
                wake_steward(*_waiting_for(wanted))

        try:
            build(self._source_of(wanted), wanted.key, say)
        except BuildFailed as failed:
            log.warning("%s: %s", wanted, failed)
            wanted.state, wanted.reason, wanted.log = Release.State.FAILED, str(failed), failed.log
            back_off = backoff(wanted.tries, FIRST_BACK_OFF, LONGEST_BACK_OFF)
            wanted.tries, wanted.due_at = wanted.tries + 1, timezone.now() + back_off
            _save(wanted, "state", "reason", "log", "tries", "due_at")
        else:
            log.info("%s is built", wanted)
            shelf.finish(wanted)
        wake_steward(*_waiting_for(wanted))

    def _find(self, name: str, place: Callable[[], Path]) -> None:
        try:
            source = place()
            stamp = stamp_of(source)
            if self._stamps.get(name) == stamp:
                return
            check(source)
            kind, digest = kind_of(source), digest_of(source)
        except (BuildFailed, OSError) as failed:
            log.warning("%s", failed)
            self._looked += LOOK_AFTER_TROUBLE - LOOK
            return
        shelf.found(digest, kind.packages_of(source), kind.runtime, name)
        self._stamps[name] = stamp

    def _clear(self) -> None:
        """The folder goes first: if we are killed in between, the row still says that there is work."""
        for spare in shelf.dispensable(configuration().releases_kept):
            remove(spare.key)
            spare.delete()

    def _source_of(self, wanted: Release) -> Path:
        """The source itself if it is unchanged, else the copy of it in an earlier build."""
        with suppress(KeyError, BuildFailed, OSError):  # It may be gone or out of reach: the copy will do.
            source = self._sources[wanted.source]()
            if digest_of(source) == wanted.digest:
                return source
        for other in Release.objects.filter(digest=wanted.digest, state=Release.State.READY):
            path = release(other.key).path
            with suppress(BuildFailed, OSError):  # A damaged one is not a copy.
                if path.is_dir() and digest_of(path) == wanted.digest:
                    return path
        if wanted.runtime not in {"", *(kind.runtime for kind in KINDS)}:
            raise BuildFailed(
                f"It was built for {wanted.runtime}, which is no longer installed. Upgrade instead."
            )
        raise BuildFailed("Its source is gone or has changed since, and no earlier build of it is kept.")


def shelve(made: Built) -> None:
    """Register a release that is already built on the shelf."""
    shelf.found(made.digest, made.packages, made.runtime)
    # Only this very build: a later one of the same source may still wait, or have failed.
    for waiting in Release.objects.filter(key=made.key).exclude(state=Release.State.READY):
        shelf.finish(waiting)


def _waiting_for(wanted: Release) -> list[uuid.UUID]:
    return list(Wanted.objects.filter(release=wanted.key).values_list("bot_id", flat=True))


def _save(row: Release, *fields: str) -> None:
    row.save(update_fields=fields)
