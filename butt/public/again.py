"""Views that read a bot's data: they are run again in a thread that may take long, until the data has arrived.

The view first counts what it is about to use, in a page thread. Then it calls `read`, and returns the result
if that is an `Again`. Whoever runs the view recognises this as no answer yet, and runs it again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

from butt.hosts.reading import NotYet

T = TypeVar("T")
_RUN = "butt.run"


@dataclass
class Run:
    """How a view is run now. `may_read` is set in a thread that may walk through a bot's data.

    `waited` is the time so far in seconds, and `ask` asks again for what has not arrived yet.
    """

    may_read: bool = False
    waited: float = 0.0
    ask: Callable[[], Any] | None = None


class Again(HttpResponse):
    """No answer yet: run the view again in a reading thread after this many seconds."""

    def __init__(self, after: float = 0, ask: Callable[[], Any] | None = None) -> None:
        # Never sent. Django logs responses of 500 and above.
        super().__init__(status=202)
        self.after, self.ask = after, ask


def begin(request: HttpRequest, run: Run) -> None:
    request.META[_RUN] = run


def read(request: HttpRequest, ask: Callable[[], T]) -> T | Again:
    """What `ask` finds. Raises what it raises; `NotYet` only after waiting long enough, or if nobody runs
    views again.
    """
    run: Run | None = request.META.get(_RUN)
    if run and not run.may_read:
        return Again()
    try:
        found: T = run.ask() if run and run.ask else ask()
    except NotYet as not_yet:
        if run is None or run.waited >= not_yet.patience:
            raise
        return Again(min(1.0, 0.1 + run.waited / 10), not_yet.ask)
    return found
