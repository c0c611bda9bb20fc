"""What becomes of errors: a peer's are counted and passed over, and only our own end the pub."""

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from scuttlekit.errors import ScuttlebuttError
from scuttlekit.pub.exits import known_refusal_of
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import Level, chatter, end

_OURS: Final = Path(__file__).parents[1]


class Faults:
    """Hears of every error that nobody else takes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, error: BaseException) -> None:
        """Take an error of work that a peer caused: the pub goes on, unless it is out of room or its log is damaged."""
        if known_refusal_of(error) is not None:
            end(error)
        self._limits.refuse("faults")
        chatter(
            "warning",
            f"Something that a peer sent was refused, for the pub could not work on it: {_brief(error)}",
        )

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work for one peer; whatever goes wrong with it ends it alone."""
        try:
            await work
        except ScuttlebuttError:
            return
        except Exception as error:  # noqa: BLE001 - no peer may end the pub
            self.hear(error)

    def keep(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do work of the pub's own, whose errors end it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def take_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear of what the event loop and the library report."""
        loop.set_exception_handler(self._hear_of_loop)
        root = logging.getLogger()
        root.handlers[:] = [_LogLines()]
        root.setLevel(logging.WARNING)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            end(error)

    def _hear_of_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "socket" in context and isinstance(error, OSError):
            # The loop tries again after a second by itself.
            chatter("warning", f"Cannot accept a connection: {error.strerror}.")
        elif error is not None:
            self.hear(error)


class _LogLines(logging.Handler):
    """Writes what the library reports as lines of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "warning" if record.levelno >= logging.WARNING else "info"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and known_refusal_of(error) is not None:
            end(error)
        text = record.getMessage()
        chatter(level, text if error is None else f"{text} {_brief(error)}")


def _brief(error: BaseException) -> str:
    """An error in one line: what it is, and where in our own code it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if str(_OURS) in frame.filename]
    where = f" ({Path(frames[-1].filename).relative_to(_OURS)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
