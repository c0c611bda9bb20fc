"""Putting the data of an imported bot where the bot runs, before its first start."""

import uuid
from collections.abc import Callable
from pathlib import Path

from butt.configuration import configuration
from butt.imports.models import Import


def folder_of(import_id: uuid.UUID) -> Path:
    """Where the received and checked data of an import is."""
    return configuration().home / "imports" / str(import_id)


def place(bot_id: uuid.UUID, adopt: Callable[[uuid.UUID, Path], None]) -> None:
    """Hand the data to the host, once. If killed in between, it is repeated: the host finds that it has the data already."""
    waiting = Import.objects.filter(bot_id=bot_id, state=Import.State.PLACING)
    for found in waiting:
        adopt(bot_id, folder_of(found.id))
        waiting.update(state=Import.State.DONE)
