"""Which monitor watches which bot, when several run side by side.

Each monitor beats in a row of its own. A bot is watched by the live monitor whose name, hashed together with the bot's, gives
the highest value. So all agree without talking, and when a monitor dies only its own bots move.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b

from django.db.models.functions import Now

from butt.agents.prepared import Prepared, PreparedUpdate
from butt.figures.models import MonitorBeat

BEAT = timedelta(seconds=2)
DEAD = timedelta(seconds=8)
FORGOTTEN = timedelta(days=1)


_beat = PreparedUpdate(
    lambda monitor, *_: MonitorBeat.objects.filter(id=monitor),
    lambda _, *said: dict(zip(("watching", "written", "lost"), said, strict=True), beat=Now()),
    *(uuid.UUID(int=1), 1, 2, 3),
)
# A beat in the future comes from a monitor that died while its clock was ahead.
_lately = Prepared(
    lambda: MonitorBeat.objects.filter(beat__gt=Now() - DEAD, beat__lt=Now() + DEAD).values_list("id")
)


def watcher_of(bot_id: uuid.UUID, monitors: Iterable[uuid.UUID]) -> uuid.UUID:
    """Which of `monitors`, which is not empty, watches this bot."""
    return max(monitors, key=lambda monitor: blake2b(bot_id.bytes + monitor.bytes, digest_size=8).digest())


class Membership:
    """One monitor's own entry. Times are the database's own, because the clocks of machines differ."""

    def __init__(self) -> None:
        self.id = uuid.uuid4()
        self.living: tuple[uuid.UUID, ...] = (self.id,)

    def beat(self, *, watching: int, written: int, lost: int) -> None:
        """Report that we are alive, and see who else is."""
        if not _beat(self.id, watching, written, lost):
            MonitorBeat.objects.create(id=self.id, watching=watching, written=written, lost=lost)
        living = {*(monitor for (monitor,) in _lately()), self.id}
        if living != {*self.living}:
            self.living = tuple(living)
            MonitorBeat.objects.filter(beat__lt=Now() - FORGOTTEN).delete()

    def leave(self) -> None:
        """Leave at once, so that the others need not wait until we count as dead."""
        MonitorBeat.objects.filter(id=self.id).delete()

    def is_mine(self, bot_id: uuid.UUID) -> bool:
        return len(self.living) == 1 or watcher_of(bot_id, self.living) == self.id

    @property
    def leads(self) -> bool:
        """Whether we do what one monitor does for all: roll-ups and emails. Doing it twice does no harm."""
        return min(self.living) == self.id
