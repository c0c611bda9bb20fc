"""A debt stays with the person who owes it: nobody who shares a bot becomes its payer because of a debt."""

from butt.agents.actions import Refused
from butt.agents.bots import ownerships
from butt.agents.models import Agent
from butt.billing.interface import Billing
from butt.billing.payers import bots_paid_by


def check_leaves_no_debt(billing: Billing, person: Agent, bot: Agent | None = None) -> None:
    """Check that the person may give up this bot, or all of theirs, and leave others who share it to pay.

    Raises `Refused` `payment_due`.
    """
    if not billing.notice(person):
        return
    left = [each for each in bots_paid_by(person) if each.wanted.gone_at is None and bot in {None, each}]
    shared = ownerships().filter(source_agent__in=left).exclude(target_agent=person)
    if name := shared.values_list("source_agent__name", flat=True).first():
        raise Refused(
            "payment_due", f"A payment is due for {name}, which others share. Pay first, or delete {name}."
        )
