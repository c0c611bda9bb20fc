"""Which bots are processes of the control plane, where others have machines. Rows and folders say it together."""

import uuid
from pathlib import Path

from butt.hosts.interface import Folder
from butt.machines.models import Placement


def lives_here(home: Path, bot_id: uuid.UUID) -> bool:
    """Whether this bot is a process of the control plane: it has its data here, and no machine."""
    return Folder(home / "bots" / str(bot_id)).secret.exists() and not has_a_machine(bot_id)


def has_a_machine(bot_id: uuid.UUID) -> bool:
    """Whatever is left of it elsewhere is old, and never runs."""
    return Placement.objects.filter(bot_id=bot_id).exists()
