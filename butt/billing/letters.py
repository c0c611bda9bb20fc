"""What people are told about payments, once for each debt. `butt.outbox.words` has the words."""

from datetime import datetime

from butt.accounts.models import Account
from butt.agents.models import Agent
from butt.billing.models import Payer
from butt.outbox.posting import post


def tell(
    payer: Payer, event: str, since: datetime, now: datetime, about: Agent | str = "", **values: object
) -> None:
    """Tell the payer about `event`, unless they were told. `since` is when the debt began.

    `about` is the bot, or the id of the invoice, if there may be several at the same time.
    """
    link = f"/bots/{about.name}/people" if isinstance(about, Agent) else "/billing"
    post(
        event,
        about_of(since, about),
        Account.objects.filter(agent=payer.person_id),
        now,
        **{"stops": payer.stops_at, "leaves": payer.leaves_at, "link": link, **values},
    )


def about_of(since: datetime, about: Agent | str) -> str:
    """Says which debt a message is about."""
    return f"{about.id if isinstance(about, Agent) else about} {since.isoformat()}".strip()
