"""What a host hands over for an export, wherever it is: in a folder here, or in a spool that a machine filled."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from scuttlekit.offsetlog import Survey


class ExportPart(StrEnum):
    """What can be exported of a bot."""

    SECRET = "secret"  # noqa: S105 - the name of a part
    GOSSIP = "gossip"
    LOG = "log"
    BLOBS = "blobs"
    ALL = "all"

    @property
    def speaks_as_the_bot(self) -> bool:
        """Whether somebody who has it can run the bot's identity elsewhere."""
        return self in {ExportPart.SECRET, ExportPart.ALL}


class FileGone(Exception):
    """A file that was there when the bundle was made is gone, or is not whole."""


@dataclass(frozen=True)
class Item:
    """One file: its path within the data folder, its size in bytes, and its bytes.

    `read` raises `FileGone` before the first byte, never later; it yields exactly `size` bytes.
    """

    name: str
    size: int
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class ExportBundle:
    """Files of one bot's data folder, as they were at one moment. `items` can be iterated once.

    `tar_size` is the size of the tar that holds them all; `survey` is that of the log, if the log is included, and counts the
    feed of `author`: the id of the secret beside it, empty if there is none to read.
    """

    items: Iterable[Item]
    count: int
    size: int
    tar_size: int
    survey: Survey | None = None
    author: str = ""
    blobs: int = 0
    blobs_size: int = 0


@dataclass(frozen=True)
class DataSizes:
    """How much of each part there is, in bytes; `blobs` is the number of blobs."""

    secret: int
    gossip: int
    log: int
    blobs: int
    blobs_size: int

    @property
    def all(self) -> int:
        return self.secret + self.gossip + self.log + self.blobs_size
