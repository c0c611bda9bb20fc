"""What may be wrong when messages are asked for or stored, beside the log itself."""

from scuttlekit.errors import ScuttlebuttError


class NotReady(ScuttlebuttError):
    """The index is still being made from the log; to ask again later helps."""

    def __init__(self) -> None:
        super().__init__("the messages are being indexed: try again in a moment")


class NotNext(ScuttlebuttError):
    """A message does not follow the last one of its feed that is stored: another was quicker, or one is missing."""


class Behind(ScuttlebuttError):
    """The log lacks messages of the pub's own feed: to publish would use their numbers again."""
