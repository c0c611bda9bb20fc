"""Kills the worker and the pages at a chosen moment of their work."""

import itertools


class Killed(BaseException):
    """Like `kill -9`: no error handling may catch it."""


class Killer:
    """Counts the steps before and after each write and each call, and kills the worker at the chosen step."""

    def __init__(self, moment: int) -> None:
        self.moment, self.count = moment, itertools.count()

    def __call__(self, *_: object, **__: object) -> None:
        if next(self.count) == self.moment:
            raise Killed
