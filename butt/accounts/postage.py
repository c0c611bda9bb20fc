"""Bounds on mail that somebody has us send to an address which may be another's: for who sends, who gets it, and in all."""

from butt.limits.counts import count
from butt.limits.table import (
    PERSON_INVITATIONS,
    RECIPIENT_INVITATIONS,
    RECIPIENT_LETTERS,
    STRANGERS_LETTERS,
)

ALL = "everybody"


def pay_for_invitation(sender: str, recipient: str) -> None:
    """`sender` is a person's id. Raises `TooOften` before anything is sent. What was sent counts, also when it is taken back."""
    count(
        (PERSON_INVITATIONS, f"person {sender}"),
        (RECIPIENT_INVITATIONS, f"recipient {mailbox_of(recipient)}"),
        (STRANGERS_LETTERS, ALL),
    )


def pay_for_letter(recipient: str) -> None:
    """A link to confirm the address, or for a new password. Raises `TooOften` before it is sent."""
    count((RECIPIENT_LETTERS, f"recipient {mailbox_of(recipient)}"), (STRANGERS_LETTERS, ALL))


def mailbox_of(address: str) -> str:
    """Whoever has one address mostly has all that differ only after a plus sign (RFC 5233)."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
