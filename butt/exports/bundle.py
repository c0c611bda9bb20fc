"""What a host hands over for an export. Neutral of where it lies: a folder here, or a spool that a machine filled."""

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
        """Whether who has it can run the bot's identity elsewhere."""
        return self in {ExportPart.SECRET, ExportPart.ALL}


class FileGone(Exception):
    """A file that was there when the bundle was made is not there any more, or is not whole."""


@dataclass(frozen=True)
class Item:
    """One file: its path within the data folder, its size in bytes, and its bytes.

    `read` raises `FileGone` before the first byte, never later; it gives exactly `size` bytes.
    """

    name: str
    size: int
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class ExportBundle:
    """Files of one bot's data folder, as they were at one moment. `items` can be walked once.

    `tar_size` is the size of the tar that holds them all; `survey` is that of the log, when there is one among them,
    and counts the feed of `author`: the id of the secret that lies beside it, empty when there is none to be read.
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
    """How much of each there is, in bytes; `blobs` is how many there are."""

    secret: int
    gossip: int
    log: int
    blobs: int
    blobs_size: int

    @property
    def all(self) -> int:
        return self.secret + self.gossip + self.log + self.blobs_size
