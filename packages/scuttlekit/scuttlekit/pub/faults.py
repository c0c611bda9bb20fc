"""Error handling: errors caused by peers are counted and logged, and only our own end the pub."""

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
    """Handles every error that nothing else catches."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, error: BaseException) -> None:
        """Handle an error caused by a peer. The pub goes on unless its disk is full or its log is damaged."""
        if known_refusal_of(error) is not None:
            end(error)
        self._limits.refuse("faults")
        chatter(
            "warning",
            f"Something that a peer sent was refused, because the pub could not process it: {_brief(error)}",
        )

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work for one peer. An error ends only that work."""
        try:
            await work
        except ScuttlebuttError:
            return
        except Exception as error:  # noqa: BLE001 - no peer may end the pub
            self.hear(error)

    def keep(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run work of the pub itself in a task. An error ends the pub."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def take_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Handle what the event loop and the library report."""
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
            # The event loop retries by itself after a second.
            chatter("warning", f"Cannot accept a connection: {error.strerror}.")
        elif error is not None:
            self.hear(error)


class _LogLines(logging.Handler):
    """Writes the library's log records to the pub's log."""

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "warning" if record.levelno >= logging.WARNING else "info"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and known_refusal_of(error) is not None:
            end(error)
        text = record.getMessage()
        chatter(level, text if error is None else f"{text} {_brief(error)}")


def _brief(error: BaseException) -> str:
    """Describe an error in one line, with the place in our own code where it arose."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if str(_OURS) in frame.filename]
    where = f" ({Path(frames[-1].filename).relative_to(_OURS)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
