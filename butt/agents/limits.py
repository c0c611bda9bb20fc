"""How much disk a bot may use, and how much traffic in a month: the operator's bounds, and its owner's within
them.

The monitor sends them to the bot's pub, which keeps to them and reports its usage with its figures.
"""

import json
from collections.abc import Mapping
from typing import Final

from butt.agents.actions import Refused, check_has, set_wanted
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.services.interface import ServicePart

GIB: Final = 2**30
MIB: Final = 2**20
LEAST: Final[Mapping[str, int]] = {
    "disk": 100 * 2**20,
    "blobs": 0,
    "blob": 1024,
    "farBlobDays": 1,
    "traffic": 100 * 2**20,
}
"""A pub could not work with less. In bytes, days, and bytes a month."""
MOST: Final[Mapping[str, int]] = {
    "disk": 2**44,
    "blobs": 2**44,
    "blob": 5 * 2**20,
    "farBlobDays": 36_500,
    "traffic": 2**50,
}
TRAFFIC: Final = "traffic"
"""The one limit that every bot has, whatever its service; the others bound what it keeps for other people."""

UNSURE: Final = "?"
"""Stands in place of the limits that a bot was told, when it may no longer know them."""

NEARLY: Final = 80
FULL: Final = 100
"""The percentages of a limit at which the owner of a bot is told."""


def of_operator() -> dict[str, int]:
    """The operator's bounds, by the pub's names for them; a bound that is not set is left out."""
    settings = configuration()
    given = {
        "disk": int(settings.bot_disk_gib * GIB),
        "blobs": int(settings.bot_blobs_gib * GIB),
        "blob": int(settings.bot_blob_mib * MIB),
        "farBlobDays": settings.bot_far_blob_days,
        TRAFFIC: int(settings.bot_traffic_gib * GIB),
    }
    return {name: number for name, number in given.items() if number}


def effective(owners: Mapping[str, int]) -> dict[str, int]:
    """The limits that apply: for each, the smaller of the owner's and the operator's."""
    bounds = of_operator()
    names = [name for name in LEAST if name in owners or name in bounds]
    return {name: min(each[name] for each in (owners, bounds) if name in each) for name in names}


def text_of(limits: Mapping[str, int]) -> str:
    """The same text for the same limits, so that rows can be compared."""
    return json.dumps(limits, sort_keys=True)


def set_limits(person: Agent, bot: Agent, changes: Mapping[str, int | None]) -> None:
    """Change some of the owner's limits of a bot; None removes one.

    Raises `Refused`: `bad_limit`, `bad_service`, `wrong_state`.
    """
    if changes.keys() - {TRAFFIC}:
        check_has(bot, ServicePart.LIMITS)
    bounds = of_operator()
    limits = dict(bot.wanted.limits)
    for name, number in changes.items():
        if number is None:
            limits.pop(name, None)
            continue
        most = bounds.get(name, MOST[name])
        if not LEAST[name] <= number <= most:
            raise Refused(
                "bad_limit", f"{name} is a number from {LEAST[name]:,} to {most:,}.", f"limits.{name}"
            )
        limits[name] = number
    if limits != bot.wanted.limits:
        set_wanted(person, bot, "limits", limits, noted=limits)
