"""What may be read from a bot's host without being able to change anything there: all the public server sees of hosts.

A host registers its reader among the entry points of `butt.readings`, under the name it has among `butt.hosts`.
"""

import functools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from butt.configuration import configuration
from butt.exports.bundle import DataSizes, ExportBundle, ExportPart
from butt.parts import READINGS, UnknownPart, part_named


class Unreadable(Exception):
    """What was asked for cannot be read from here; the text says why."""


class NotYet(Unreadable):
    """The data was requested from its machine and has not arrived yet. Call `ask` to ask again, for up to `patience` seconds."""

    def __init__(self, message: str, patience: float, ask: Callable[[], Any]) -> None:
        super().__init__(message)
        self.patience, self.ask = patience, ask


class BotReader(Protocol):
    """Each method is bounded in time, never blocks, may raise `Unreadable` or `NotYet`, and changes nothing."""

    def log(self, bot_id: uuid.UUID, size: int) -> str:
        """The last `size` bytes of the bot's own log; empty when it has none."""

    def sizes(self, bot_id: uuid.UUID) -> DataSizes:
        """How much data the bot has, without reading all of it."""

    def export(self, bot_id: uuid.UUID, part: ExportPart) -> ExportBundle:
        """A part of the bot's data as it is now, even while the bot writes. A log in it has been checked."""


def reading() -> BotReader:
    """The reader of the host that `BUTT_HOST` names. Raises `Unreadable` if that host has none."""
    settings = configuration()
    try:
        return _of(settings.host, settings.home)
    except UnknownPart:
        raise Unreadable("It cannot be read from here.") from None


@functools.cache
def _of(host: str, home: Path) -> BotReader:
    """Cached: searching all installed packages takes longer than most pages do."""
    made: BotReader = part_named(READINGS, host).load()(home)
    return made
