"""What the rows say of a bot that is moved: how far its data has come, and where it left copies."""

import uuid
from pathlib import Path

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.hosts.interface import Carried
from butt.machines.models import OldCopy, Transfer

HERE = "here"
"""The place of bots that are processes of the control plane itself."""


def staging_of(bot_id: uuid.UUID) -> Path:
    """Where the data of a bot lies, below `data`, that was carried and checked, until it settles."""
    return configuration().home / "moves" / str(bot_id)


def carried(bot: Agent) -> Carried | None:
    """Of a bot whose transfer was fetched with it, where there is one."""
    try:
        transfer = bot.transfer
    except Transfer.DoesNotExist:
        return None
    if transfer.state == Transfer.State.FAILED:
        return Carried(transfer.move, failed=transfer.words or "it could not be carried.")
    if transfer.state == Transfer.State.READY:
        return Carried(transfer.move, transfer.sequence)
    return Carried(transfer.move, words=transfer.words)


def old_copies(bot_id: uuid.UUID) -> tuple[str, ...]:
    """The places that it was moved away from and where its data still is, the newest first."""
    copies = OldCopy.objects.filter(bot_id=bot_id).select_related("machine").order_by("-created_at", "-id")
    return tuple(copy.machine.minion_id if copy.machine else HERE for copy in copies)
