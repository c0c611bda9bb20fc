"""Passwords wait for their turn to be hashed."""

import threading
from collections.abc import Callable
from contextvars import copy_context

import pytest
from django.utils.module_loading import import_string

from butt import settings
from butt.accounts import hashing
from butt.limits.table import HASHES
from tests.sources.conftest import settings_of

__all__ = ["settings_of"]


def test_the_service_itself_hashes_at_full_cost():
    """Other tests hash with `QuickHasher`."""
    (hasher,) = settings.PASSWORD_HASHERS
    assert (
        import_string(hasher)()
        .encode("a password", "some salt")
        .startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    )


class Work:
    """Threads that take a slot, each until it is told to let go."""

    def __init__(self) -> None:
        self._places = hashing.ThreadSlots()
        self.began = list[str]()
        self._news = threading.Condition()
        self._may_end = threading.Semaphore(0)
        self._threads = list[threading.Thread]()

    def begins(self, name: str, *, known: bool) -> None:
        context = copy_context()
        context.run(hashing.IS_KNOWN.set, known)
        thread = threading.Thread(target=context.run, args=(self._run, name))
        thread.start()
        self._threads.append(thread)
        strangers, people = self._places._waiting
        with self._news:
            assert self._news.wait_for(
                lambda: (
                    name in self.began or len(strangers) + len(people) + len(self.began) >= len(self._threads)
                ),
                20,
            )

    def _run(self, name: str) -> None:
        self._places.run(lambda: self._works(name))

    def _works(self, name: str) -> None:
        with self._news:
            self.began.append(name)
            self._news.notify_all()
        self._may_end.acquire()

    def ends(self) -> None:
        self._may_end.release(len(self._threads))
        for thread in self._threads:
            thread.join(20)


def test_strangers_leave_a_slot_for_known_people():
    work = Work()
    for number in range(HASHES.most + 6):
        work.begins(f"stranger {number}", known=False)
    assert len(work.began) == HASHES.most - 1
    work.begins("known", known=True)
    assert work.began[-1] == "known", "who is known waits for nobody"
    work.ends()
    assert len(work.began) == HASHES.most + 7, "and everybody gets their turn"


def test_known_people_may_take_every_slot():
    work = Work()
    for number in range(HASHES.most):
        work.begins(f"known {number}", known=True)
    work.begins("stranger", known=False)
    assert work.began == [f"known {number}" for number in range(HASHES.most)]
    work.ends()
    assert work.began[-1] == "stranger"


def test_with_one_slot_known_people_and_strangers_take_turns(settings_of: Callable[..., None]):
    settings_of(limits="hashes=1")
    work = Work()
    for number in range(6):
        work.begins(f"stranger {number}", known=False)
    work.begins("known", known=True)
    work.ends()
    assert work.began.index("known") <= 2
    assert len(work.began) == 7


def test_an_error_in_a_slot_is_raised_and_frees_the_slot():
    places = hashing.ThreadSlots()
    for _ in range(HASHES.most + 1):
        with pytest.raises(ZeroDivisionError):
            places.run(lambda: 1 / 0)
    assert places.run(lambda: 7) == 7
