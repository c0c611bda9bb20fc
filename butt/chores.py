"""Chores: periodic work that one monitor does for all. Each package lists its own in its module `chores`.

A package's `CHORES` is a tuple of `Chore`. The monitor finds them among Django's apps, so that packages need not
know each other.
"""

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Final, NamedTuple

from django.apps import apps
from django.utils.module_loading import module_has_submodule

OFTEN: Final = 5.0
EACH_MINUTE: Final = 60.0
HOURLY: Final = 3600.0
DAILY: Final = 86400.0
"""Seconds between two runs of a chore."""


class Chore(NamedTuple):
    """`step` gets the time and returns whether there may be more to do at once. Then it rests for `pause` seconds."""

    step: Callable[[datetime], bool | None]
    pause: float


def chores_of_packages() -> list[Chore]:
    """The chores of all packages that have any, in the order of the apps."""
    packages = [app for app in apps.get_app_configs() if module_has_submodule(app.module, "chores")]
    return [chore for package in packages for chore in import_module(f"{package.name}.chores").CHORES]
