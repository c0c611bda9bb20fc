"""When the steward looks again at a bot at rest: the more bots there are, the later."""

import random
import time
from datetime import UTC, datetime, timedelta

from butt.agents.models import Progress
from butt.steward.situation import RESTING

RESTS_A_SECOND = 0.1
"""How many bots at rest are looked at in a second, however many there are: the monitor or the machine reports
what happens to one.
"""

LONGEST_REST = timedelta(hours=2)
COUNT_EVERY = 60.0
MOST_AT_ONCE, LONGEST_WAIT = 20, timedelta(minutes=1)
"""How many bots a round looks at. About so many at rest come due at the same moment, as it costs hardly more with them than with
one. None waits longer for the others.
"""
FURTHEST = 1.5 * LONGEST_REST + LONGEST_WAIT
"""No bot rests for longer than this."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Rests:
    """Counts the bots once a minute."""

    def __init__(self) -> None:
        self._count, self._counted = 0, -COUNT_EVERY

    def end(self, now: datetime) -> datetime:
        """The end of a rest that begins `now`."""
        if time.monotonic() - self._counted >= COUNT_EVERY:
            self._count, self._counted = Progress.objects.count(), time.monotonic()
        few = average(self._count) == RESTING
        return now + RESTING if few else end(now, self._count)


def end(now: datetime, count: int) -> datetime:
    """The end of the rest of one of `count` bots."""
    # Spread bots that began together, so that they do not come due together ever after.
    return with_others(now + average(count) * random.uniform(0.5, 1.5), count)  # nosec B311 # noqa: S311


def with_others(at: datetime, count: int) -> datetime:
    """The next moment from `at` on at which some of `count` bots come due together."""
    step = min(average(count) * MOST_AT_ONCE / count, LONGEST_WAIT)
    return at + (_BEGINNING - at) % step


def average(count: int) -> timedelta:
    """How long each of `count` bots rests, on average."""
    return min(max(RESTING, timedelta(seconds=count / RESTS_A_SECOND)), LONGEST_REST)
