"""The state of an invite: pure rules on its row and the time."""

from datetime import datetime
from enum import StrEnum


class InviteState(StrEnum):
    OPEN = "open"
    SPENT = "spent"
    REVOKED = "revoked"
    EXPIRED = "expired"


def invite_state(
    *, uses: int, used: int, revoked_at: datetime | None, expires_at: datetime | None, now: datetime
) -> InviteState:
    """Spent takes precedence: an invite that was used up neither expired nor was revoked."""
    if used >= uses:
        return InviteState.SPENT
    if revoked_at is not None:
        return InviteState.REVOKED
    if expires_at is not None and expires_at <= now:
        return InviteState.EXPIRED
    return InviteState.OPEN
