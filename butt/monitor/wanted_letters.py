"""Who wants e-mails about how their bots are: everybody who has not turned them off."""

from django.db.models import QuerySet

from butt.accounts.models import Account
from butt.accounts.owners import owners_of
from butt.agents.models import Agent
from butt.figures.models import Letters


def owners_who_want_letters(bot: Agent) -> QuerySet[Account]:
    unwanted = Letters.objects.filter(wanted=False).values("person")
    return owners_of(bot).exclude(agent__in=unwanted)
