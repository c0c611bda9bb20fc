"""Reading a pub's own log: one JSON object per line, `{time, level, event, message, …}`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from butt.agents.botlog import entry, time_of
from butt.agents.words import storable
from butt.hosts.exits import DISK_FULL, UNREADABLE_LOG
from butt.reasons import Reason

UNREADABLE = (
    "Its code could not read a record of its log. Upgrade it, if newer code is offered. If that does not help, restore "
    "an undamaged copy of its log that is not older."
)
"""Earlier releases call the log damaged when it only holds a message that their code cannot process."""


@dataclass(frozen=True)
class LastWords:
    """Why a pub ended, usually in its own words; `code` is its exit code, as `packages/scuttlekit/PUB.md` lists them."""

    message: str
    code: int

    @classmethod
    def none(cls, code: int) -> "LastWords":
        """For a pub that ended without a message: on a full disk it cannot write one."""
        if code == DISK_FULL:
            return cls(Reason("disk-full"), code)
        return cls(Reason("program-ended-silently"), code)


def last_words(text: str, since: datetime) -> LastWords | None:
    """The last error with a code, written at `since` or later: an older one belongs to an older process."""
    for said in reversed(entries(text)):
        code, when = said.get("code"), time_of(said.get("time"))
        if said.get("level") == "error" and isinstance(code, int) and when is not None and when >= since:
            message = UNREADABLE if code == UNREADABLE_LOG else storable(str(said.get("message", ""))[:500])
            return LastWords(message, code)
    return None


def entries(text: str) -> list[dict[str, Any]]:
    """The objects in `text`; a line that is cut off or is not an object is left out."""
    return [said for line in text.splitlines() if (said := entry(line))]
