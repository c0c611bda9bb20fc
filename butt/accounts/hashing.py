"""Hashing passwords: each takes much memory on purpose, so only few are hashed at once and the others wait for them."""

from functools import cache
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

from butt.limits.table import HASHES


class Hasher(Argon2PasswordHasher):
    """Argon2id with 46 MiB in one pass, one of those that OWASP recommends ("Password Storage Cheat Sheet")."""

    memory_cost = 47_104
    time_cost = 1
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _place():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _place():
            return super().verify(password, encoded)


@cache
def _place() -> BoundedSemaphore:
    return BoundedSemaphore(HASHES.most)
