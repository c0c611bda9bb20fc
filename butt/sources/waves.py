"""Upgrading all bots in waves, which halt when too many of a wave go back to their earlier code."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from butt.agents import journal
from butt.agents.bots import bots
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent, Wanted
from butt.agents.states import ASKED_IN, Action, State
from butt.agents.wake import wake_steward
from butt.services.known import service_named
from butt.sources.keys import digest_in
from butt.sources.models import Release

OPERATOR = "operator"


@dataclass
class Wave:
    """How one wave went: how many bots took the release, and which did not, with the reason."""

    upgraded: int
    failed: dict[str, str]
    late: list[str]

    @property
    def size(self) -> int:
        return self.upgraded + len(self.failed) + len(self.late)

    @property
    def share_failed(self) -> float:
        return (len(self.failed) + len(self.late)) / self.size if self.size else 0.0


def behind(target: Release, *, again: bool = False) -> list[Agent]:
    """The bots that should run this source and do not, by name; those that went back from it only if they are to try `again`."""
    found = bots().filter(wanted__gone_at=None).exclude(progress__release="").order_by("name")
    return [
        bot
        for bot in found
        if service_named(bot.service).releases == target.source
        and digest_in(bot.progress.release) != target.digest
        and (again or bot.progress.refused != target.key)
        and effective_state(bot) in ASKED_IN[Action.UPGRADE]
    ]


def ask(wave: Iterable[Agent], target: Release) -> list[uuid.UUID]:
    """Request the release for these bots; those already on their way to it are left alone."""
    asked = []
    for bot in wave:
        with transaction.atomic():
            wanted = Wanted.objects.select_for_update().get(bot=bot)
            if wanted.gone_at is None and not (wanted.release == target.key and _pending(bot, wanted)):
                wanted.release, wanted.upgrades, wanted.asked_at = (
                    target.key,
                    wanted.upgrades + 1,
                    timezone.now(),
                )
                wanted.save(update_fields=["release", "upgrades", "asked_at"])
                journal.note(bot, OPERATOR, Action.UPGRADE, release=target.key)
                wake_steward(bot.id)
        asked.append(bot.id)
    return asked


def follow(
    asked: list[uuid.UUID],
    target: Release,
    *,
    patience: timedelta,
    pause: Callable[[], None],
    now: Callable[[], datetime] = timezone.now,
) -> Wave:
    """Wait until each bot of a wave has finished its trial, or `patience` is over."""
    ends = now() + patience
    while True:
        seen = list(bots().filter(id__in=asked))
        waiting = [bot for bot in seen if not _settled(bot)]
        if not waiting or now() >= ends:
            break
        pause()
    settled = [bot for bot in seen if _settled(bot)]
    failed = {bot.name: bot.progress.notice for bot in settled if bot.progress.release != target.key}
    return Wave(len(settled) - len(failed), failed, [bot.name for bot in waiting])


def _pending(bot: Agent, wanted: Wanted) -> bool:
    return wanted.upgrades > bot.progress.upgrades


def _settled(bot: Agent) -> bool:
    """Its upgrade is done, and proven or taken back. A stopped bot is proven when it is next started."""
    progress = bot.progress
    if _pending(bot, bot.wanted):
        return False
    if progress.state in (State.STOPPED, State.UNPAID, State.LEAVING, State.BROKEN):
        return True
    return not progress.previous and progress.state == State.ALIVE
