"""A billing where the neighbours stay free: nobody pays, and only verified addresses of one domain get bots."""

from allauth.account.models import EmailAddress

from butt.agents.models import Agent
from butt.billing.free import Free
from butt.billing.interface import PaymentDue


class Neighbours(Free):
    """A `Billing`; `domain` is that of their email addresses."""

    def __init__(self, domain: str = "example.org") -> None:
        self._domain = domain

    def check_may_add(self, person: Agent) -> None:
        verified = EmailAddress.objects.filter(user__agent=person, verified=True)
        if not verified.filter(email__iendswith=f"@{self._domain}").exists():
            raise PaymentDue(f"Bots here are for people of {self._domain}: verify your address there first.")
