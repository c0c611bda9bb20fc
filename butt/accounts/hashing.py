"""Hashing passwords: each takes much memory on purpose, so only few are hashed at once and the others wait for them."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import Argon2PasswordHasher

from butt.limits.table import HASHES

IS_KNOWN = ContextVar("is_known", default=False)
"""Whether the password is of somebody who was here before. A crowd of strangers keeps no such person waiting."""


class Hasher(Argon2PasswordHasher):
    """Argon2id with 46 MiB in one pass, one of those that OWASP recommends ("Password Storage Cheat Sheet")."""

    memory_cost = 47_104
    time_cost = 1
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with PLACES.taken():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with PLACES.taken():
            return super().verify(password, encoded)


class Places:
    """Places for work in threads. Who is known and who is not take turns; within each, whoever came first goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: tuple[deque[threading.Event], deque[threading.Event]] = (deque(), deque())
        self._known_come_first = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One of `HASHES.most` places."""
        turn = threading.Event()
        with self._lock:
            self._waiting[IS_KNOWN.get()].append(turn)
            self._begin_more()
        turn.wait()
        try:
            yield
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


PLACES = Places()
