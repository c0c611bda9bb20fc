"""Which bots have yet to be told how much of the disk they may take. A pub keeps what it was told over restarts."""

import uuid
from dataclasses import dataclass

from butt.agents import limits
from butt.agents.models import Observed


@dataclass(frozen=True)
class Limiting:
    """A bot that is to keep to these limits: bytes and days, by the names of the pub's bounds."""

    bot_id: uuid.UUID
    limits: dict[str, int]


def untold() -> list[Limiting]:
    """Of the bots that answer and know limits, those that were told others, or none where there are some."""
    knowing = Observed.objects.filter(alive=True, room__isnull=False)
    of_operator = limits.effective({})
    usual = [limits.text_of(of_operator)] if of_operator else ["", limits.text_of({})]
    due = [
        Limiting(bot_id, of_operator)
        for bot_id in knowing.filter(bot__wanted__limits={})
        .exclude(limits_told__in=usual)
        .values_list("bot_id", flat=True)
    ]
    own = knowing.exclude(bot__wanted__limits={}).values_list("bot_id", "bot__wanted__limits", "limits_told")
    for bot_id, wanted, told_text in own:
        if limits.text_of(wanted := limits.effective(wanted)) != told_text:
            due.append(Limiting(bot_id, wanted))
    return due


def told(limiting: Limiting) -> None:
    """Note what it was told."""
    Observed.objects.filter(bot_id=limiting.bot_id).update(limits_told=limits.text_of(limiting.limits))
