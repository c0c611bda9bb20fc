"""Which bots run as processes of the control plane when others run on machines. Rows and folders decide together."""

import uuid
from pathlib import Path

from butt.hosts.interface import Folder
from butt.machines.models import Placement


def lives_here(home: Path, bot_id: uuid.UUID) -> bool:
    """Whether this bot is a process of the control plane: its data is here and it has no machine."""
    return Folder(home / "bots" / str(bot_id)).secret.exists() and not has_a_machine(bot_id)


def has_a_machine(bot_id: uuid.UUID) -> bool:
    """Whether the bot has a machine: then whatever is left of it elsewhere is old and never runs."""
    return Placement.objects.filter(bot_id=bot_id).exists()
