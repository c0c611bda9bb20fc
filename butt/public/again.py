"""Views that read a bot's data: run again by a thread that may take long, and for as long as the data is on its way.

The view counts first what it is about to use up, in a thread of pages. Then it asks `read`, and returns what it gets when
that is an `Again`. Whoever runs the view knows this for no answer yet, and runs it again.
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
    """How a view is run now. `may_read` in a thread that may walk through a bot's data.

    `waited` are seconds so far, and `ask` asks again for what has not come yet.
    """

    may_read: bool = False
    waited: float = 0.0
    ask: Callable[[], Any] | None = None


class Again(HttpResponse):
    """No answer yet: run the view again, by a thread that may read, after so many seconds."""

    def __init__(self, after: float = 0, ask: Callable[[], Any] | None = None) -> None:
        # Never sent. Django writes those of 500 and more into the log.
        super().__init__(status=202)
        self.after, self.ask = after, ask


def begin(request: HttpRequest, run: Run) -> None:
    request.META[_RUN] = run


def read(request: HttpRequest, ask: Callable[[], T]) -> T | Again:
    """What `ask` finds. Raises as it does; `NotYet` only when it was waited for long enough, or nobody runs views again."""
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
