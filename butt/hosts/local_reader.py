"""What bots of this machine keep in their folders, for code that may read it and nothing else."""

import uuid
from pathlib import Path

from butt.exports.bundle import DataSizes, ExportBundle, ExportPart
from butt.hosts import bundles
from butt.hosts.interface import Folder
from butt.hosts.reading import Unreadable


class LocalReader:
    """The `BotReader` of the host `processes`. `home` is the service's home folder."""

    def __init__(self, home: Path) -> None:
        self._bots = home / "bots"

    def log(self, bot_id: uuid.UUID, size: int) -> str:
        """Reads across log rotation too: a log that has just been rotated does not look short."""
        current = Folder(self._bots / str(bot_id)).log
        try:
            text = tail(current, size)
            missing = size - len(text.encode())
            return tail(current.with_name(f"{current.name}.1"), missing) + text if missing > 0 else text
        except OSError as error:
            raise Unreadable(f"It cannot be read: {error.strerror}.") from error

    def sizes(self, bot_id: uuid.UUID) -> DataSizes:
        try:
            return bundles.sizes(Folder(self._bots / str(bot_id)))
        except OSError as error:
            raise Unreadable(f"It cannot be read: {error.strerror}.") from error

    def export(self, bot_id: uuid.UUID, part: ExportPart) -> ExportBundle:
        try:
            return bundles.bundle(Folder(self._bots / str(bot_id)), part)
        except OSError as error:
            raise Unreadable(f"It cannot be read: {error.strerror}.") from error


def tail(path: Path, size: int) -> str:
    """The last `size` bytes of a file; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read(size).decode(errors="replace")
    except FileNotFoundError:
        return ""
