"""The data of a bot from elsewhere, put where the bot runs, before its first start."""

import uuid
from collections.abc import Callable
from pathlib import Path

from butt.configuration import configuration
from butt.imports.models import Import


def folder_of(import_id: uuid.UUID) -> Path:
    """Where the data of an import lies that was received and checked."""
    return configuration().home / "imports" / str(import_id)


def place(bot_id: uuid.UUID, adopt: Callable[[uuid.UUID, Path], None]) -> None:
    """Hand it to the host, once. Killed in between, it is done again: the host finds that it has it already."""
    waiting = Import.objects.filter(bot_id=bot_id, state=Import.State.PLACING)
    for found in waiting:
        adopt(bot_id, folder_of(found.id))
        waiting.update(state=Import.State.DONE)
