"""The service's own clock, which may be wrong while that of the machine is right: libfaketime, told by a file."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEAPS = (-86_400, -3600, -90, -5, 5, 90, 3600, 86_400)
"""Seconds."""


class Clock:
    """`environment` is that of the service; it is empty where the machine has no libfaketime."""

    def __init__(self, file: Path) -> None:
        self._file = file
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
        self.environment: dict[str, str] = {}
        if library:
            self.environment = {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
            self.right()

    def right(self) -> None:
        self._tell(0)

    @contextmanager
    def leaps(self, chance: random.Random) -> Iterator[str]:
        leap = chance.choice(LEAPS)
        self._tell(leap)
        try:
            yield f"the clock leaps by {leap:+} s"
        finally:
            self.right()

    def _tell(self, seconds: int) -> None:
        """Whole: it is read at any moment."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+}\n")
        draft.rename(self._file)
