"""Making copies: each is a whole export, sealed for the owner's key, sent in parts, and named once it is complete.

One at a time, beside the steward. A row is claimed by its `begun_at`: a copy that was killed in the middle starts again.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import obstore
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.copies import CopyTrouble
from butt.copies.models import OwnCopy, PlaceKind
from butt.copies.places import PlaceStore, opened
from butt.exports.bundle import ExportBundle, ExportPart
from butt.exports.delivery import deliver
from butt.hosts.reading import NotYet, Unreadable, reading
from butt.leases import claim, free
from butt.rounds import rounds
from butt.storage import TROUBLE

log = logging.getLogger("butt.copies")

TICK, AFTER_TROUBLE = 5.0, 20.0
PART = 32 << 20
"""Bytes of one file at the place: this much is in memory at once, and is sent again if it did not arrive."""

KEPT = 7
"""How many copies stay at the place. Older ones of the same bot are removed."""

NIGHT, AGAIN, CLAIM = timedelta(hours=24), timedelta(hours=1), timedelta(hours=6)
MACHINE_SECONDS = 300.0
_STAMP = "%Y%m%dT%H%M%SZ"


class Copier:
    def run(self, go_on: Callable[[], bool]) -> None:
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """Make the copy that has been due longest; returns for how many seconds to rest afterwards."""
        now = timezone.now()
        waiting = OwnCopy.objects.filter(free("begun_at", now - CLAIM), due_at__lte=now)
        row = waiting.order_by("due_at").first()
        if row is None:
            return TICK
        if claim(row, "begun_at", now):
            self._copy(row, now)
        return 0.0

    def _copy(self, row: OwnCopy, now: datetime) -> None:
        bot = bots().get(id=row.bot_id)
        mine = OwnCopy.objects.filter(pk=row.pk, begun_at=now)
        try:
            size = copy(row, bot, now)
        except (CopyTrouble, Refused, Unreadable, *TROUBLE) as error:
            words = words_of(error)
            log.warning("cannot copy %s to its owner's place: %s", bot.name, words)
            mine.filter(failing_since=None).update(failing_since=now)
            mine.update(trouble=words[:300], due_at=now + AGAIN)
        else:
            mine.update(done_at=now, size=size, trouble="", failing_since=None, told_at=None)
            # If it was asked for meanwhile, it is due already.
            mine.filter(due_at__lte=now).update(due_at=now + NIGHT if row.nightly else FAR)
        finally:
            claim(row, "begun_at", None)


FAR = datetime(9000, 1, 1, tzinfo=timezone.get_fixed_timezone(0))
"""When a copy is due that is made only on request."""


def copy(row: OwnCopy, bot: Agent, now: datetime) -> int:
    """Make one copy; returns its size in bytes. Raises `CopyTrouble`, `Refused`, `Unreadable`, or what a store raises."""
    delivery = deliver(row.person, bot, ExportPart.ALL, _parcel(bot), way="own copy", encrypt_to=row.key)
    stem = f"{bot.name}-{now:{_STAMP}}.tar.age"
    with opened(row) as place:
        number = -1
        for number, part in enumerate(_parts(delivery.chunks)):
            obstore.put(place, f"{stem}.{number:04d}", part, use_multipart=False)
        whole = f"{number + 1} files, {delivery.size} bytes\n".encode()
        obstore.put(place, f"{stem}.whole", whole, use_multipart=False)
        _tidy(row, place, bot.name)
    return delivery.size


def _parcel(bot: Agent) -> ExportBundle:
    """The bot's data as it is now; a machine gets time to send it."""
    deadline = time.monotonic() + MACHINE_SECONDS
    while True:
        try:
            return reading().export(bot.id, ExportPart.ALL)
        except NotYet:
            if time.monotonic() > deadline:
                raise CopyTrouble("Its machine did not send its data in time.") from None
            time.sleep(0.5)


def _parts(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)


def _tidy(row: OwnCopy, place: PlaceStore, name: str) -> None:
    """Remove older copies and the remains of broken ones: only files that are named like our copies of this very bot."""
    ours = re.compile(rf"{re.escape(name)}-(\d{{8}}T\d{{6}}Z)\.tar\.age\.(\d{{4}}|whole)", re.ASCII)
    found: dict[str, list[str]] = {}
    for path in names_at(row, place):
        if named := ours.fullmatch(path):
            found.setdefault(named[1], []).append(path)
    whole = sorted(stamp for stamp, paths in found.items() if any(path.endswith("whole") for path in paths))
    for stamp in found.keys() - set(whole[-KEPT:]):
        for path in found[stamp]:
            obstore.delete(place, path)


def names_at(row: OwnCopy, place: PlaceStore) -> Iterator[str]:
    """The names of the files there. WebDAV lists them relative to the root of its server, not to our folder."""
    folder = urlsplit(row.url).path.strip("/") if row.kind == PlaceKind.WEBDAV else ""
    for some in obstore.list(place):
        for one in some:
            above, _, name = str(one["path"]).rpartition("/")
            if above == folder:
                yield name


def words_of(error: BaseException) -> str:
    """For the person: what their place answered, in one line. A store's own messages concern only that place."""
    if isinstance(error, Refused):
        return error.message
    if isinstance(error, CopyTrouble | Unreadable):
        return str(error)
    line = " ".join(str(error).split())
    return f"The place refused the copy: {line}"
