"""Killing the worker and the pages at a moment of their work."""

import itertools


class Killed(BaseException):
    """As `kill -9`: nothing that handles errors may handle this."""


class Killer:
    """Counts the moments before and after each write and each call, and kills at the one it is given."""

    def __init__(self, moment: int) -> None:
        self.moment, self.count = moment, itertools.count()

    def __call__(self, *_: object, **__: object) -> None:
        if next(self.count) == self.moment:
            raise Killed
