"""Work without end, in rounds: an error in one round is logged, and the next round starts after a pause."""

import logging
import time
from collections.abc import Callable

from django.db import close_old_connections

GoOn = Callable[[], bool]


def rounds(
    work: Callable[[], float],
    go_on: GoOn,
    log: logging.Logger,
    after_trouble: float,
    rest: Callable[[float], object] | None = None,
) -> None:
    """Call `work` as long as `go_on()`. It returns how many seconds to rest; after an error it is
    `after_trouble`.

    `rest` waits that long, or until something happens; by default it only sleeps.
    """
    while go_on():
        try:
            seconds = work()
        except Exception:
            log.exception("this round failed; the next starts in %g s", after_trouble)
            # A connection that the database closed when it restarted would otherwise be used for ever.
            close_old_connections()
            time.sleep(after_trouble)
        else:
            (rest or time.sleep)(seconds)
