"""Passwords at a cost that tests can pay each time."""

from butt.accounts.hashing import Hasher


class QuickHasher(Hasher):
    """The service's own, with 8 KiB of memory in place of 46 MiB. Services that tests start use the service's own."""

    memory_cost = 8
