"""What really came of somebody who was let in: pure rules over what the pub has of them."""

from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(hours=1)
"""How long an app may take until something of its owner's is here."""


class Coming(StrEnum):
    HERE = "here"
    """The pub has messages of theirs."""
    AWAITED = "awaited"
    SILENT = "silent"
    """They were let in, and nothing of theirs ever came."""


def coming(*, let_in_at: datetime, messages: int, now: datetime) -> Coming:
    if messages:
        return Coming.HERE
    return Coming.AWAITED if now - let_in_at < PATIENCE else Coming.SILENT
