"""The age of the newest backup, for Prometheus: object storage is asked in the background, and not too often."""

import threading
import time
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from butt.backups.keeping import newest
from butt.configuration import configuration
from butt.trouble import Trouble

FRESH = 600.0
"""Seconds that a result stays valid."""

PATIENCE = 5.0
"""Seconds that an answer waits for storage. After that it gives what was known before."""


class _Look:
    """What storage last said, and the thread that asks it. One for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked_at = -FRESH
        self.reached: bool | None = None
        self.made_at: float | None = None

    def refresh(self, place: str) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                if time.monotonic() - self._asked_at < FRESH:
                    return
                self._asked_at = time.monotonic()
                self._thread = threading.Thread(target=self._ask, args=(place,), name="backups", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(PATIENCE)

    def _ask(self, place: str) -> None:
        try:
            found = newest(place)
        except Trouble:
            self.reached = False
            return
        self.made_at = found.timestamp() if found else 0.0
        self.reached = True


_look = _Look()


def of_backups() -> Iterator[Metric]:
    """Nothing if no backups are kept in object storage."""
    place = configuration().backup_to
    if not place:
        return
    _look.refresh(place)
    # While the first request is under way, storage counts as not reached.
    yield GaugeMetricFamily(
        "butt_backups_reached",
        "1 when the place of backups could be looked at.",
        value=float(bool(_look.reached)),
    )
    if _look.made_at is not None:
        yield GaugeMetricFamily(
            "butt_backup_newest_timestamp_seconds",
            "When the newest backup was made; 0 when there is none.",
            value=_look.made_at,
        )
