"""The service's parts run by hand, over a real host: rounds of the steward, looks of the monitor."""

import asyncio
from contextlib import aclosing, suppress
from pathlib import Path

import psutil
from django.utils import timezone

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.identity import service_keys
from butt.monitor import watch
from butt.monitor.bot_figures import BotFigures
from butt.monitor.samples import Seen, write
from butt.monitor.signs import Silences
from butt.monitor.watch import Bot, WrongBot
from butt.sources.builder import shelve
from butt.sources.releases import PUB_SOURCE, build
from butt.steward.steward import Steward
from scuttlekit import Address, ScuttlebuttError
from tests.service import wait_for


def steward_of(host: object, *, shelved: bool = True) -> Steward:
    """A steward of `host`, which is a `Host` or behaves like one."""
    if shelved:
        shelve(build(PUB_SOURCE))
    return Steward(host, (service_keys().id,))  # type: ignore[arg-type]


def turn(steward: Steward, bot: Agent) -> State:
    """One round, one look; returns the bot's state afterwards."""
    Progress.objects.update(due_at="2020-01-01T00:00Z")
    steward.round()
    progress = Progress.objects.get(bot=bot)
    if progress.state in (State.STARTING, State.UPGRADING) and progress.ssb_id and progress.port:
        address = Address(progress.address, progress.port, progress.ssb_id)
        with suppress(ScuttlebuttError, WrongBot, OSError, TimeoutError):
            figures = asyncio.run(_figures_of(Bot(bot.id, address)))
            write({bot.id: [Seen(timezone.now(), figures)]})
    return State(progress.state)


async def _figures_of(bot: Bot) -> BotFigures:
    """What the bot says of itself now."""
    every = (watch.Feed(bot), watch.FirstContact(), None, watch.FigurePace(), watch.Turns(), Silences())
    async with aclosing(watch._figures(bot, service_keys(), *every)) as stream:
        return await anext(stream)


def turn_until(state: State, steward: Steward, bot: Agent) -> None:
    wait_for(lambda: turn(steward, bot) is state)


def turn_until_proven(steward: Steward, bot: Agent) -> None:
    """Until its upgrade is done and its trial, which is shortened, is over."""

    def proven() -> bool:
        state = turn(steward, bot)
        Progress.objects.exclude(trial_ends=None).update(trial_ends="2020-01-01T00:00Z")
        progress = Progress.objects.get(bot=bot)
        return state is State.ALIVE and progress.upgrades > 0 and not progress.previous

    wait_for(proven)


def pubs_below(folder: Path) -> list[psutil.Process]:
    """The pubs that run with a configuration below `folder`."""
    return [p for p in psutil.process_iter() if str(folder) in (_arguments(p) or [""])[-1]]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
