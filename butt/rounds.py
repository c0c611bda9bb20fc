"""Work without end, in rounds: what goes wrong in one is logged and waited out."""

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
    """Have `work` done as long as `go_on()`; it says for how many seconds to rest then, as `after_trouble` is.

    `rest` waits so long, or until something happens; by default it only waits.
    """
    while go_on():
        try:
            seconds = work()
        except Exception:
            log.exception("this round failed; the next starts in %g s", after_trouble)
            # One that the database ended as it restarted would else be used for ever.
            close_old_connections()
            time.sleep(after_trouble)
        else:
            (rest or time.sleep)(seconds)
