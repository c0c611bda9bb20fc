"""What the rows say about a bot that is being moved: how far its data has come, and where it left copies."""

import uuid
from pathlib import Path

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.hosts.interface import Carried
from butt.machines.models import OldCopy, Transfer

HERE = "here"
"""The place of bots that are processes of the control plane itself."""


def staging_of(bot_id: uuid.UUID) -> Path:
    """Where a moved bot's checked data waits, below `data`, until it settles at its new place."""
    return configuration().home / "moves" / str(bot_id)


def carried(bot: Agent) -> Carried | None:
    """How far the move of this bot's data has come; None if there is no move. Select `transfer` with the
    bot.
    """
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
    """The places that the bot was moved away from and that still have its data, newest first."""
    copies = OldCopy.objects.filter(bot_id=bot_id).select_related("machine").order_by("-created_at", "-id")
    return tuple(copy.machine.minion_id if copy.machine else HERE for copy in copies)
