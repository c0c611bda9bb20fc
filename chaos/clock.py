"""The service's own clock, which may be wrong while the machine's clock is right: `clock.c`, loaded before
the C library.
"""

import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEAPS = (-900, -90, -5, 5, 90, 900)
"""Seconds. Less than an hour, after which samples are rolled up; longer leaps are tried in tests/steward/test_clock.py."""


class Clock:
    """`environment` is for the service; it is empty if there is no compiler."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.environment: dict[str, str] = {}
        if compiler := shutil.which("cc") or shutil.which("gcc"):
            library = folder / "clock.so"
            source = Path(__file__).with_name("clock.c")
            command = [
                compiler,
                "-O2",
                "-Wall",
                "-Werror",
                "-shared",
                "-fPIC",
                f'-DCLOCK="{self._file}"',
                "-o",
                str(library),
                str(source),
            ]
            subprocess.run(command, check=True, timeout=60)
            self._tell(0)
            self.environment = {"LD_PRELOAD": str(library)}

    @contextmanager
    def leaps(self, chance: random.Random) -> Iterator[str]:
        leap = chance.choice(LEAPS)
        self._tell(leap)
        try:
            yield f"the clock leaps by {leap:+} s"
        finally:
            self._tell(0)

    def _tell(self, seconds: int) -> None:
        """Written in place, because running processes have it mapped in memory."""
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("=q", seconds))
