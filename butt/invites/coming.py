"""Whether somebody who was let in really arrived: pure rules on what the pub has of them."""

from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(hours=1)
"""How long an app may take until the first messages of its owner arrive."""


class Coming(StrEnum):
    HERE = "here"
    """The pub has messages of theirs."""
    AWAITED = "awaited"
    SILENT = "silent"
    """They were let in, but none of their messages ever arrived."""


def coming(*, let_in_at: datetime, messages: int, now: datetime) -> Coming:
    if messages:
        return Coming.HERE
    return Coming.AWAITED if now - let_in_at < PATIENCE else Coming.SILENT
