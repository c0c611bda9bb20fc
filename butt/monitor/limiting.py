"""What bots must still be told about their limits, and about their network traffic. A pub keeps both over restarts."""

import uuid
from dataclasses import dataclass
from typing import Any

from butt.agents import limits
from butt.agents.models import Observed


@dataclass(frozen=True)
class Limiting:
    """A bot that must keep to these limits: bytes, days and bytes a month, by the names of the pub's bounds."""

    bot_id: uuid.UUID
    limits: dict[str, int]


@dataclass(frozen=True)
class Recounting:
    """A bot that counted less of this month's traffic than was seen: `seen` is `{month, in, out}`."""

    bot_id: uuid.UUID
    seen: dict[str, Any]


def pending() -> list[Limiting]:
    """The bots that answer and know limits, but were told other ones, or none although they have some."""
    return [*_pending(knows_traffic=True), *_pending(knows_traffic=False)]


def _pending(*, knows_traffic: bool) -> list[Limiting]:
    def known(owners: dict[str, int]) -> dict[str, int]:
        counts = limits.effective(owners)
        return {name: number for name, number in counts.items() if knows_traffic or name != limits.TRAFFIC}

    knowing = Observed.objects.filter(alive=True, room__isnull=False, traffic__isnull=not knows_traffic)
    of_operator = known({})
    usual = [limits.text_of(of_operator)] if of_operator else ["", limits.text_of({})]
    due = [
        Limiting(bot_id, of_operator)
        for bot_id in knowing.filter(bot__wanted__limits={})
        .exclude(limits_told__in=usual)
        .values_list("bot_id", flat=True)
    ]
    own = knowing.exclude(bot__wanted__limits={}).values_list("bot_id", "bot__wanted__limits", "limits_told")
    for bot_id, wanted, told_text in own:
        if limits.text_of(wanted := known(wanted)) != told_text:
            due.append(Limiting(bot_id, wanted))
    return due


def told(limiting: Limiting) -> None:
    """Save what it was told."""
    Observed.objects.filter(bot_id=limiting.bot_id).update(limits_told=limits.text_of(limiting.limits))


def behind() -> list[Recounting]:
    """The bots that answer and counted less of their traffic than was seen."""
    found = Observed.objects.filter(alive=True, traffic_behind=True).values_list("bot_id", "traffic")
    return [Recounting(bot_id, _count_of(seen)) for bot_id, seen in found if seen]


def _count_of(seen: dict[str, Any]) -> dict[str, Any]:
    return {name: seen[name] for name in ("month", "in", "out")}


def recounted(recounting: Recounting) -> None:
    """Save that it knows; its next figures show whether it does."""
    Observed.objects.filter(bot_id=recounting.bot_id).update(traffic_behind=False)
