"""Data of bots that came from elsewhere, on its way to the machines they are to live on."""

import shutil
import uuid
from pathlib import Path

from butt.configuration import configuration
from butt.machines.models import Placement


def place_of(bot_id: uuid.UUID) -> Path:
    """The bot's folder here, its data below it in `data`, until its machine has it."""
    return configuration().home / "cargo" / str(bot_id)


def is_waiting(bot_id: uuid.UUID) -> bool:
    return (place_of(bot_id) / "data").is_dir()


def replaces(bot_id: uuid.UUID, mark: str) -> None:
    """What comes takes the place of what its machine has left of it. `mark` is another each time."""
    place_of(bot_id).mkdir(parents=True, exist_ok=True)
    (place_of(bot_id) / "anew").write_text(mark)


def mark_of(bot_id: uuid.UUID) -> str:
    """The mark of what is to replace what is there; empty where it is to be the first."""
    try:
        return (place_of(bot_id) / "anew").read_text()
    except FileNotFoundError:
        return ""


def for_machine(minion_id: str, bot_id: uuid.UUID) -> Path | None:
    """Where its data lies for the machine that it was placed on, and for no other."""
    if not Placement.objects.filter(bot_id=bot_id, machine__minion_id=minion_id).exists():
        return None
    return place_of(bot_id) if is_waiting(bot_id) else None


def forget(bot_id: uuid.UUID) -> None:
    """The machine has it, or nobody is to have it."""
    shutil.rmtree(place_of(bot_id), ignore_errors=True)
