"""What operators confirm about bots after the service was restored from a backup."""

from django.db import transaction

from butt.agents import journal
from butt.agents.models import Agent
from butt.agents.wake import wake_steward
from butt.machines.models import Machine, Unconfirmed
from butt.machines.unconfirmed import confirm_at
from butt.operating import NotDone
from butt.operating.moving import HERE

Actor = Agent | str


def confirm_place(actor: Actor, bot: Agent, reason: str, place: str) -> None:
    """Let a bot that has waited since a restore get orders again, where it lives now. Raises `NotDone`."""
    machine = Machine.objects.filter(minion_id=place).first()
    if machine is None and place != HERE:
        raise NotDone(
            f"There is no machine {place}. `butt machine list` shows them; `here` is the control plane."
        )
    with transaction.atomic():
        row = Unconfirmed.objects.select_for_update().filter(bot=bot).first()
        if row is None:
            raise NotDone(f"{bot.name} needs no confirmation: we know where it lives.")
        if row.elsewhere and row.elsewhere != place:
            raise NotDone(
                f"The machine {row.elsewhere} says that {bot.name} runs there. Confirm that place, or stop the bot there "
                "and remove the machine."
            )
        confirm_at(bot, machine)
        journal.note(bot, actor, "place confirmed", place=place, reason=reason)
        wake_steward(bot.id)
