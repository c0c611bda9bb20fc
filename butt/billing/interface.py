"""What the service asks of a billing, whichever it is. Amounts are in the smallest unit of their currency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.billing.address import InvoiceAddress

if TYPE_CHECKING:
    from butt.billing.models import Payer


class PaymentDue(Refused):
    """A payment is due first."""

    def __init__(self, message: str) -> None:
        super().__init__("payment_due", message)


class NoAnswer(Exception):
    """The payment provider does not answer, or not as it should; the text tells the person so."""


FREE_MONTH = "butt-free-month"
"""The coupon that is made here: the next month is free. All others are made in Stripe's dashboard."""


class NoCoupon(Exception):
    """A coupon that cannot be given; the text says why."""


class Busy(NoAnswer):
    """Another process is working on the same payment."""


class BadCard(Exception):
    """A card that cannot be accepted; the text says why."""


class Forged(Exception):
    """A message that does not come from its claimed sender."""


class PaymentStatus(StrEnum):
    DUE = "due"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Notice:
    """What every page shows a person who owes a payment; `by` is when bots stop, or leave. `why` is `confirm` if only their own
    confirmation is missing, `failed`, `card-needed`, or `ended-there` if operators ended the subscription.
    """

    status: PaymentStatus
    by: datetime | None
    trouble: str = ""
    why: str = "failed"


@dataclass(frozen=True)
class CardForm:
    """What a browser needs to enter a card on the page; `sources` is what the page's content security policy must allow.

    `secret` is empty if the payment provider did not answer. `trouble` then tells the person so, and the page asks again.
    """

    script: str
    key: str
    secret: str
    sources: Mapping[str, Sequence[str]]
    trouble: str = ""


@dataclass(frozen=True)
class Invoice:
    id: str
    number: str
    at: datetime
    amount: int
    status: str
    url: str
    lines: tuple[tuple[str, int, int], ...] = ()
    """Each is a description, a quantity and an amount."""
    tax: int = 0
    currency: str = "usd"


@dataclass(frozen=True)
class Price:
    """Per month, before tax."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Bill:
    """What a person pays. `unit` is what a bot costs them per month; `next_at` is when the paid period ends. Of `quantity`
    bots, `rooms` cost `room_unit` each.
    """

    quantity: int
    free: int
    unit: int
    currency: str
    card: str
    status: str
    next_at: datetime | None
    pays: bool
    cancels: bool
    notice: Notice | None
    may_end: bool
    paused: bool = False
    rooms: int = 0
    room_unit: int = 0

    @property
    def others(self) -> int:
        """The bots that are not charged as rooms."""
        return self.quantity - self.rooms


class Billing(Protocol):
    takes_money: bool
    is_pretended: bool
    """Whether payments are only simulated: no money moves."""

    def refusal(self) -> str:
        """Why the service cannot start with this billing, and what to do; empty if it can."""

    def check_may_add(self, person: Agent) -> None:
        """Raises `PaymentDue` if the person cannot have another bot yet."""

    def price(self, person: Agent, service: str) -> Price:
        """What one more bot of this service costs the person; nothing if it is one of the free ones."""

    def needs_card(self, person: Agent) -> bool:
        """Whether a card must be entered before the next bot."""

    def notice(self, person: Agent) -> Notice | None:
        """What is due, from rows only: at most one query."""

    def bill(self, person: Agent) -> Bill: ...

    def invoices(self, person: Agent) -> list[Invoice]:
        """The latest first, 100 at most. Raises `NoAnswer`."""

    def upcoming(self, person: Agent) -> Invoice | None:
        """What will be charged next, according to the payment provider. Raises `NoAnswer`."""

    def card_form(self, person: Agent) -> CardForm: ...

    def keep_card(self, person: Agent, setup: str) -> None:
        """From now on, pay with the card that was entered. Raises `BadCard`, `NoAnswer`."""

    def to_confirm(self, person: Agent) -> CardForm | None:
        """What the person's bank wants them to confirm, if anything. Raises `NoAnswer`."""

    def pay_now(self, person: Agent) -> None:
        """Check at once, and try again to collect what is owed. Errors are left to the worker."""

    def address(self, person: Agent) -> InvoiceAddress:
        """Whom invoices are addressed to. Raises `NoAnswer`."""

    def tell_address(self, person: Agent, address: InvoiceAddress) -> None:
        """Raises `BadAddress`, `NoAnswer`."""

    def cancel(self, person: Agent) -> None:
        """End the subscription with the paid period."""

    def resume(self, person: Agent) -> None:
        """Undo a `cancel`."""

    def take_event(self, payload: bytes, signature: str) -> None:
        """Handle an event from the payment provider. Raises `Forged`."""

    def round(self, now: datetime) -> bool:
        """Handle everything that is due once; whether there was any work."""


@runtime_checkable
class GivesCoupons(Protocol):
    """A billing under which an operator can give a payer a coupon."""

    def give(self, payer: "Payer", coupon: str) -> None:
        """Give it with the next invoice. Raises `NoCoupon`, `NoAnswer`."""
        ...
