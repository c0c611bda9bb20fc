"""Hashing passwords: each needs much memory on purpose, so only a few are hashed at once and the others wait."""

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

LESS_CLAIM = 10
"""How much the `nice` value of threads that hash for strangers is raised."""

IS_KNOWN = ContextVar("is_known", default=False)
"""Whether the password belongs to somebody who was here before. A crowd of strangers does not keep them waiting."""


class Hasher(Argon2PasswordHasher):
    """Argon2id with 46 MiB in one pass, one of the options that OWASP recommends ("Password Storage Cheat Sheet")."""

    memory_cost = 47_104
    time_cost = 1
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _places().run(partial(super().encode, password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        return _places().run(partial(super().verify, password, encoded))


class ThreadSlots:
    """Slots for work in threads. Known people and strangers take turns; within each group, first come, first
    served.

    Strangers always leave one slot free, and their work is done by threads of lower priority: a crowd that
    signs in slows down no page, and keeps nobody waiting who was here before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = self._used_by_strangers = 0
        self._for_strangers = max(1, HASHES.most - 1)
        self._waiting: tuple[deque[threading.Event], deque[threading.Event]] = (deque(), deque())
        self._known_come_first = False
        self._threads = (
            ThreadPoolExecutor(self._for_strangers, "hash-stranger", _leave_the_processor_to_others),
            ThreadPoolExecutor(HASHES.most, "hash"),
        )

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, run in one of `HASHES.most` slots."""
        is_known, turn = IS_KNOWN.get(), threading.Event()
        with self._lock:
            self._waiting[is_known].append(turn)
            self._begin_more()
        turn.wait()
        try:
            return self._threads[is_known].submit(work).result()
        finally:
            with self._lock:
                self._used -= 1
                self._used_by_strangers -= not is_known
                self._begin_more()

    def _begin_more(self) -> None:
        while self._used < HASHES.most and (next_ones := self._next_ones()):
            self._used += 1
            self._used_by_strangers += next_ones is self._waiting[False]
            next_ones.popleft().set()

    def _next_ones(self) -> deque[threading.Event] | None:
        """The group whose turn it is; its first may begin."""
        self._known_come_first = not self._known_come_first
        strangers, known = self._waiting
        if self._used_by_strangers >= self._for_strangers:
            return known or None
        first, then = (known, strangers) if self._known_come_first else (strangers, known)
        return first or then or None


def _leave_the_processor_to_others() -> None:
    if sys.platform == "linux":  # where priorities are per thread
        os.setpriority(
            os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + LESS_CLAIM
        )


@cache
def _places() -> ThreadSlots:
    # Created when first needed: a process that forks must have no threads.
    return ThreadSlots()
