"""Data of bots that came from elsewhere, on its way to the machines they will run on."""

import shutil
import uuid
from pathlib import Path

from butt.configuration import configuration
from butt.machines.models import Placement


def place_of(bot_id: uuid.UUID) -> Path:
    """The bot's folder here, with its data below it in `data`, until its machine has it."""
    return configuration().home / "cargo" / str(bot_id)


def is_waiting(bot_id: uuid.UUID) -> bool:
    return (place_of(bot_id) / "data").is_dir()


def replaces(bot_id: uuid.UUID, mark: str) -> None:
    """The data on its way replaces what the machine has left of the bot. `mark` is different each time."""
    place_of(bot_id).mkdir(parents=True, exist_ok=True)
    (place_of(bot_id) / "anew").write_text(mark)


def mark_of(bot_id: uuid.UUID) -> str:
    """The mark of data that replaces what is there; empty if it is the bot's first data."""
    try:
        return (place_of(bot_id) / "anew").read_text()
    except FileNotFoundError:
        return ""


def for_machine(minion_id: str, bot_id: uuid.UUID) -> Path | None:
    """Where the data lies, for the machine that the bot is placed on and for no other."""
    if not Placement.objects.filter(bot_id=bot_id, machine__minion_id=minion_id).exists():
        return None
    return place_of(bot_id) if is_waiting(bot_id) else None


def forget(bot_id: uuid.UUID) -> None:
    """Remove the data here: the machine has it, or nobody will fetch it."""
    shutil.rmtree(place_of(bot_id), ignore_errors=True)
