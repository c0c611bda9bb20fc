"""A password hasher that is cheap enough for every test."""

from butt.accounts.hashing import Hasher


class QuickHasher(Hasher):
    """The service's own hasher, with 8 KiB of memory instead of 46 MiB. Services that tests start use the service's own."""

    memory_cost = 8
