"""Nobody pays: a community's own server."""

from datetime import datetime

from butt.agents.models import Agent
from butt.billing.address import InvoiceAddress
from butt.billing.interface import Bill, CardForm, Forged, Invoice, NoAnswer, Notice, Price
from butt.billing.models import Payer
from butt.billing.payers import bots_paid_by, let_run


class Free:
    takes_money = False
    is_pretended = False

    def refusal(self) -> str:
        payers = Payer.objects.exclude(subscription="").count()
        if not payers:
            return ""
        return (
            f"BUTT_BILLING is free, and {payers} subscriptions would go on being charged at Stripe. End them first: "
            "BUTT_BILLING=stripe butt end-subscriptions"
        )

    def check_may_add(self, person: Agent) -> None: ...

    def price(self, person: Agent, service: str) -> Price:  # noqa: ARG002
        return Price(0, "")

    def needs_card(self, person: Agent) -> bool:  # noqa: ARG002
        return False

    def notice(self, person: Agent) -> Notice | None:  # noqa: ARG002
        return None

    def bill(self, person: Agent) -> Bill:
        return Bill(
            quantity=len(bots_paid_by(person)),
            free=0,
            unit=0,
            currency="",
            card="",
            status="",
            next_at=None,
            pays=False,
            cancels=False,
            notice=None,
            may_end=False,
        )

    def invoices(self, person: Agent) -> list[Invoice]:  # noqa: ARG002
        return []

    def upcoming(self, person: Agent) -> Invoice | None:  # noqa: ARG002
        return None

    def card_form(self, person: Agent) -> CardForm:  # noqa: ARG002
        raise NoAnswer("This service is free.")

    def keep_card(self, person: Agent, setup: str) -> None: ...

    def to_confirm(self, person: Agent) -> CardForm | None:  # noqa: ARG002
        return None

    def pay_now(self, person: Agent) -> None: ...

    def address(self, person: Agent) -> InvoiceAddress:  # noqa: ARG002
        return InvoiceAddress()

    def tell_address(self, person: Agent, address: InvoiceAddress) -> None: ...

    def cancel(self, person: Agent) -> None: ...

    def resume(self, person: Agent) -> None: ...

    def take_event(self, payload: bytes, signature: str) -> None:  # noqa: ARG002
        raise Forged("Nothing is paid here.")

    def round(self, now: datetime) -> bool:  # noqa: ARG002
        """Bots that were stopped under another billing may run."""
        return let_run(None)
