"""The pub's own latest sequence, remembered outside its log, in the file `sequence`.

A log that fell behind would use numbers again that others already have: the feed would be forked for ever. So the pub does
not start with such a log. The file is written over in place and always as long, so it needs no room, and nothing of an
earlier number is left.
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
        """The highest sequence that anybody remembers: the file, or whoever told it to `expect` more."""
        return max(self._noted, self._expected)

    def read(self) -> int:
        """Read what the file remembers, 0 when there is none. Raises Refusal for one that holds no number, OSError."""
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
        """Have somebody else's memory count too. The file does not take it up before the log has shown it."""
        self._expected = latest

    def begin(self) -> None:
        """Be ready to note. Raises OSError."""
        write_whole(self._path, _note(self._noted), lasting=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def note(self, latest: int) -> None:
        """Remember a message that the log holds; never before: a crash in between would leave a log that looks behind.

        It is the kernel's when this returns, so it outlives the process; `sync` has it outlive the machine. What is
        remembered already is never less.
        """
        if latest > self._noted:
            self._noted = latest
            os.pwrite(self._file, _note(latest), 0)

    def sync(self) -> None:
        """Have what is remembered on the disk. It blocks for as long as the disk takes."""
        os.fdatasync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def guard(found: int, known: int) -> None:
    """Refuse a log whose own feed ends at `found` when it is known to have reached `known`. Raises Refusal."""
    if found < known:
        raise Refusal(
            "log-behind",
            f"The log ends at message {found} of the pub's own feed, which is known to have reached {known}. To go on "
            "would fork the feed for ever. Bring back a log that is not older.",
        )


def _note(sequence: int) -> bytes:
    return b"%0*d\n" % (DIGITS, sequence)
