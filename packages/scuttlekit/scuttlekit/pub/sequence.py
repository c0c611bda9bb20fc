"""The pub's own latest sequence, recorded outside its log in the file `sequence`.

A log that is behind would reuse numbers that others already have, which forks the feed for ever. So the pub
does not start with such a log. The file is overwritten in place and always has the same length, so it needs
no free space, and nothing of an earlier number remains.
"""

import os
import re
from pathlib import Path

from scuttlekit.files import write_whole
from scuttlekit.pub.exits import Refusal

DIGITS = 15

_NOTE = re.compile(rb"[0-9]{1,%d}\n" % DIGITS)


class SequenceNote:
    """The file `sequence` of a data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sequence"
        self._file = -1
        self._noted = self._expected = 0

    @property
    def latest(self) -> int:
        """The highest known sequence, from the file or from `expect`."""
        return max(self._noted, self._expected)

    def read(self) -> int:
        """Read the file; 0 if there is none. Raises Refusal if it does not hold a number, OSError."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        if not _NOTE.fullmatch(text):
            raise Refusal(
                "log-behind", f"The file {self._path} is damaged: write the feed's latest sequence into it."
            )
        self._noted = int(text)
        return self._noted

    def expect(self, latest: int) -> None:
        """Take a sequence known elsewhere into account. It is not written until the log contains it."""
        self._expected = latest

    def begin(self) -> None:
        """Open the file for `note`. Raises OSError."""
        write_whole(self._path, _note(self._noted), lasting=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def note(self, latest: int) -> None:
        """Record a message that the log holds. Never call it earlier: after a crash, the log would seem to be behind.

        When this returns, the kernel has the number, so it survives the process; `sync` makes it survive the
        machine. The recorded number never decreases.
        """
        if latest > self._noted:
            self._noted = latest
            os.pwrite(self._file, _note(latest), 0)

    def sync(self) -> None:
        """Write the recorded number to disk. This blocks for as long as the disk takes."""
        os.fdatasync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def guard(found: int, known: int) -> None:
    """Raise Refusal if the own feed ends at `found` in the log, but is known to have reached `known`."""
    if found < known:
        raise Refusal(
            "log-behind",
            f"The log ends at message {found} of the pub's own feed, which is known to have reached {known}. Running "
            "on it would fork the feed for ever. Restore a log that is not older.",
        )


def _note(sequence: int) -> bytes:
    return b"%0*d\n" % (DIGITS, sequence)
