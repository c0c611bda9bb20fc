"""What operators do for a bot whose data is gone, as an action of the console and of the command."""

from django.db import transaction

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.operating import NotDone
from butt.operating.actions import OperatorAction
from butt.vault.asking import ask_back


def come_back(actor: Agent | str, bot: Agent, reason: str) -> None:
    """Have the bot come back from the vault, as its owner can on its page. Raises `NotDone`."""
    try:
        with transaction.atomic():
            ask_back(actor, bot)
            journal.note(bot, actor, "brought back", reason=reason)
    except Refused as no:
        raise NotDone(no.message) from None


OF_LOST = {
    action.name: action
    for action in (
        OperatorAction(
            "come-back",
            "Bring the bot back from the vault, if its data is lost. It publishes nothing until it has caught up.",
            come_back,
        ),
    )
}
"""Beside the actions for any bot."""
