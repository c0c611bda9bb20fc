"""What the house asks of a billing, whichever it is. Amounts are in the smallest unit of their currency."""

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
    """Who takes the payments does not answer, or not as it should; its text says so to the person."""


FREE_MONTH = "butt-free-month"
"""The coupon that is made here: the next month costs nothing. All others are made in Stripe's dashboard."""


class NoCoupon(Exception):
    """A coupon that cannot be given; its text says why."""


class Busy(NoAnswer):
    """Somebody else is at work on the same payment."""


class BadCard(Exception):
    """A card that cannot be taken; its text says why."""


class Forged(Exception):
    """A message that does not come from where it says."""


class PaymentStatus(StrEnum):
    DUE = "due"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Notice:
    """What every page tells a person of whom a payment is due; `by` is when bots stop, or leave. `why` is `confirm`, when only
    their own confirmation is missing, `failed`, `card-needed`, or `ended-there`, when operators ended it.
    """

    status: PaymentStatus
    by: datetime | None
    trouble: str = ""
    why: str = "failed"


@dataclass(frozen=True)
class CardForm:
    """What a browser needs for entering a card in place; `sources` is what the page's content policy must let in."""

    script: str
    key: str
    secret: str
    sources: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Invoice:
    id: str
    number: str
    at: datetime
    amount: int
    status: str
    url: str
    lines: tuple[tuple[str, int, int], ...] = ()
    """Each a description, a quantity and an amount."""
    tax: int = 0
    currency: str = "usd"


@dataclass(frozen=True)
class Price:
    """Of a month, before tax."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Bill:
    """What a person pays. `unit` is what a bot costs them a month; `next_at` when the paid period is over. Of `quantity` bots,
    `rooms` cost `room_unit` each.
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
    """Whether no money moves, though it looks so."""

    def refusal(self) -> str:
        """Why the service cannot start with this billing, and what to do; empty when it can."""

    def check_may_add(self, person: Agent) -> None:
        """Raises `PaymentDue` when the person cannot have one more bot yet."""

    def price(self, person: Agent, service: str) -> Price:
        """What one bot more of this service costs the person; nothing when it is one of those that are free."""

    def needs_card(self, person: Agent) -> bool:
        """Whether a card is to be entered before the next bot."""

    def notice(self, person: Agent) -> Notice | None:
        """What is due, from rows alone: at most one query."""

    def bill(self, person: Agent) -> Bill: ...

    def invoices(self, person: Agent) -> list[Invoice]:
        """The latest first, 100 at most. Raises `NoAnswer`."""

    def upcoming(self, person: Agent) -> Invoice | None:
        """What is going to be charged next, as who takes the payments says. Raises `NoAnswer`."""

    def card_form(self, person: Agent) -> CardForm:
        """Raises `NoAnswer`."""

    def keep_card(self, person: Agent, setup: str) -> None:
        """Pay with the card that was entered from now on. Raises `BadCard`, `NoAnswer`."""

    def to_confirm(self, person: Agent) -> CardForm | None:
        """What the person's bank wants them to confirm, if anything. Raises `NoAnswer`."""

    def pay_now(self, person: Agent) -> None:
        """Look at once, and try what is owed again. Trouble is left to the worker."""

    def address(self, person: Agent) -> InvoiceAddress:
        """Whom invoices are made out to. Raises `NoAnswer`."""

    def tell_address(self, person: Agent, address: InvoiceAddress) -> None:
        """Raises `BadAddress`, `NoAnswer`."""

    def cancel(self, person: Agent) -> None:
        """End with the period that is paid."""

    def resume(self, person: Agent) -> None:
        """Take a `cancel` back."""

    def take_event(self, payload: bytes, signature: str) -> None:
        """Something happened there. Raises `Forged`."""

    def round(self, now: datetime) -> bool:
        """One look at all that is due; whether there was any work."""


@runtime_checkable
class GivesCoupons(Protocol):
    """A billing under which an operator can give a payer a coupon."""

    def give(self, payer: "Payer", coupon: str) -> None:
        """With their next invoice. Raises `NoCoupon`, `NoAnswer`."""
        ...
