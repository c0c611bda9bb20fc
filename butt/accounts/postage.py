"""Bounds on mail that somebody makes us send to an address that may be another's: per sender, per recipient,
and in all.
"""

from butt.limits.counts import count
from butt.limits.table import (
    PERSON_INVITATIONS,
    RECIPIENT_INVITATIONS,
    RECIPIENT_LETTERS,
    STRANGERS_LETTERS,
)

ALL = "everybody"


def pay_for_invitation(sender: str, recipient: str) -> None:
    """`sender` is a person's id. Raises `TooOften` before anything is sent. What was sent counts, even if
    withdrawn later.
    """
    count(
        (PERSON_INVITATIONS, f"person {sender}"),
        (RECIPIENT_INVITATIONS, f"recipient {mailbox_of(recipient)}"),
        (STRANGERS_LETTERS, ALL),
    )


def pay_for_letter(recipient: str) -> None:
    """For a link to confirm the address or to choose a new password. Raises `TooOften` before it is sent."""
    count((RECIPIENT_LETTERS, f"recipient {mailbox_of(recipient)}"), (STRANGERS_LETTERS, ALL))


def mailbox_of(address: str) -> str:
    """Addresses that differ only after a plus sign mostly belong to the same mailbox (RFC 5233)."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
