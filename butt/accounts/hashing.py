"""Hashing passwords: each takes much memory on purpose, so only few are hashed at once and the others wait for them."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache, partial
from typing import TypeVar

from django.contrib.auth.hashers import Argon2PasswordHasher

from butt.limits.table import HASHES

T = TypeVar("T")

LESS_CLAIM = 5
"""How much less than others a thread that hashes claims of the processor, as `nice` counts."""

IS_KNOWN = ContextVar("is_known", default=False)
"""Whether the password is of somebody who was here before. A crowd of strangers keeps no such person waiting."""


class Hasher(Argon2PasswordHasher):
    """Argon2id with 46 MiB in one pass, one of those that OWASP recommends ("Password Storage Cheat Sheet")."""

    memory_cost = 47_104
    time_cost = 1
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _places().run(partial(super().encode, password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        return _places().run(partial(super().verify, password, encoded))


class Places:
    """Places for work in threads. Who is known and who is not take turns; within each, whoever came first goes first.

    The work is done by threads that leave the processor to others: a crowd that signs in makes no page slow.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: tuple[deque[threading.Event], deque[threading.Event]] = (deque(), deque())
        self._known_come_first = False
        self._threads = ThreadPoolExecutor(HASHES.most, "hash", _leave_the_processor_to_others)

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, done in one of `HASHES.most` places."""
        turn = threading.Event()
        with self._lock:
            self._waiting[IS_KNOWN.get()].append(turn)
            self._begin_more()
        turn.wait()
        try:
            return self._threads.submit(work).result()
        finally:
            with self._lock:
                self._used -= 1
                self._begin_more()

    def _begin_more(self) -> None:
        while self._used < HASHES.most and any(self._waiting):
            self._known_come_first = not self._known_come_first
            strangers, known = self._waiting
            first, then = (known, strangers) if self._known_come_first else (strangers, known)
            self._used += 1
            (first or then).popleft().set()


def _leave_the_processor_to_others() -> None:
    if sys.platform == "linux":  # where each thread has a claim of its own
        os.setpriority(
            os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + LESS_CLAIM
        )


@cache
def _places() -> Places:
    # Made when it is needed: a process that forks must have no threads.
    return Places()
