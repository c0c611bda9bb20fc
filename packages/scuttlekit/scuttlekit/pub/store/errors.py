"""Errors of reading and storing messages, apart from damage to the log."""

from scuttlekit.errors import ScuttlebuttError


class NotReady(ScuttlebuttError):
    """The index is still being built from the log. Try again later."""

    def __init__(self) -> None:
        super().__init__("the messages are being indexed: try again in a moment")


class NotNext(ScuttlebuttError):
    """A message does not follow the last stored one of its feed: it is already stored, or an earlier one is missing."""


class Behind(ScuttlebuttError):
    """The log lacks messages of the pub's own feed, so publishing would reuse their numbers."""
