"""The pub's log: one JSON object per line on stdout, for operators and the service.

Only the last line of a pub that ends by itself has the level `error`.
"""

import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

import orjson

from scuttlekit.pub.exits import refusal_of

LINES_A_MINUTE = 60
"""How many lines strangers can cause. Anybody can connect to a pub's port and fail."""

LONGEST = 2000
"""The most characters of one message."""

Level = Literal["info", "warning", "error"]

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_UNWRITABLE = re.compile(r"[\ud800-\udfff]")


def log(level: Level, event: str, message: str, **fields: Any) -> None:
    """Write one line."""
    now = datetime.now(UTC)
    line = {
        "time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "level": level,
        "event": event,
        "message": _plain(message),
        **fields,
    }
    _write(_form(line))


def speak_plainly() -> None:
    """Write lines for people instead of JSON: the time and the message."""
    global _form  # noqa: PLW0603 - a process has one log
    _form = _as_text


def end(error: BaseException) -> NoReturn:
    """Log one line of level `error`, and exit at once with the code that says why.

    Nothing is shut down: what was acknowledged is on disk, and all files survive a sudden end.
    """
    refusal = refusal_of(error)
    stack = {} if refusal.stack is None else {"stack": _plain(refusal.stack)}
    log("error", refusal.event, refusal.message, code=refusal.code, **stack)
    os._exit(refusal.code)


class Chatter:
    """Log lines that others cause. Their number per minute is limited."""

    def __init__(self) -> None:
        self._minute = self._lines = self._dropped = 0

    def say(self, level: Level, message: str, **fields: Any) -> None:
        """Write a line about somebody else, unless this minute has had too many."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            if self._dropped:
                log(
                    "warning",
                    "dropped",
                    f"{self._dropped} lines about others were left out in the minute before.",
                )
            self._minute, self._lines, self._dropped = minute, 0, 0
        self._lines += 1
        if self._lines > LINES_A_MINUTE:
            self._dropped += 1
        else:
            log(level, "chatter", message, **fields)


chatter = Chatter().say


def _as_json(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line) + b"\n"


def _as_text(line: dict[str, Any]) -> bytes:
    stack = f"\n{line['stack']}" if "stack" in line else ""
    return f"{datetime.now():%Y-%m-%d %H:%M:%S}  {line['message']}{stack}\n".encode()  # noqa: DTZ005 - the reader's local time


_form = _as_json


def _plain(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", _COLOURS.sub("", text))[:LONGEST]


def _write(line: bytes) -> None:
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except (OSError, ValueError):
        # The reader of the log may go away; that is no reason for the pub to end.
        return
