"""Places that a request holds until it is answered: a limited number at once for each person."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from butt.limits.slowed import note
from butt.limits.table import Limit

Answer = Callable[[HttpRequest], HttpResponseBase]
"""What middleware gets, and makes another of."""

_HELD = "butt.held"
_lock = threading.Lock()
_taken: Counter[tuple[str, str]] = Counter()


class Held:
    """The places of one request. However often its view is run, it takes each only once."""

    def __init__(self) -> None:
        self._places: set[tuple[str, str]] = set()

    def take(self, limit: Limit, who: str) -> bool:
        place = (limit.name, who)
        with _lock:
            if place in self._places:
                return True
            if _taken[place] >= limit.most:
                return False
            _taken[place] += 1
            self._places.add(place)
        return True

    def close(self) -> None:
        with _lock:
            for place in self._places:
                _taken[place] -= 1
                if not _taken[place]:
                    del _taken[place]
            self._places = set()


def begin(request: HttpRequest, held: Held) -> None:
    """Whoever serves this request closes `held` when the answer is complete."""
    request.META[_HELD] = held


def hold(request: HttpRequest, limit: Limit, who: str) -> bool:
    """Whether there was a place for `who`, which is held until the answer is complete."""
    held: Held = request.META[_HELD]
    if held.take(limit, who):
        return True
    note(limit, who)
    return False


def holding(get_response: Answer) -> Answer:
    """Middleware: a request without any other caretaker holds its places until its response is closed."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if _HELD in request.META:
            return get_response(request)
        held = Held()
        begin(request, held)
        response: Any = get_response(request)
        if response.streaming:
            response._resource_closers.append(held.close)  # noqa: SLF001 - Django has no other way
        else:
            held.close()
        return response  # type: ignore[no-any-return]

    return answer
