"""What people may ask of a bot's code."""

from collections.abc import Callable

from butt.agents.actions import ACTIONS, ask
from butt.agents.models import Agent, Wanted
from butt.agents.states import Action, State
from butt.services.known import service_named
from butt.sources import shelf
from butt.sources.keys import digest_in
from butt.sources.models import Release


def upgrade(person: Agent, bot: Agent) -> None:
    """Upgrade to the newest release of its source; nothing changes if the bot runs that one."""

    def change(wanted: Wanted) -> dict[str, object]:
        other = newer(bot, wanted)
        return {"release": other.key, "upgrades": wanted.upgrades + 1} if other else {}

    ask(person, bot, Action.UPGRADE, change)


def rebuild(person: Agent, bot: Agent) -> None:
    """Build the source of the bot's release again, from scratch, and restart the bot on the result."""

    def anew(wanted: Wanted) -> dict[str, object]:
        release = Release.objects.filter(key=bot.progress.release).first()
        on_its_way = wanted.upgrades > bot.progress.upgrades or bot.progress.state == State.UPGRADING
        if release is None or on_its_way:
            return {}
        return {"release": shelf.again(release).key, "upgrades": wanted.upgrades + 1}

    ask(person, bot, Action.REBUILD, anew)


def newer(bot: Agent, wanted: Wanted) -> Release | None:
    """The newest release, unless the bot runs that code or is on its way to it."""
    newest = shelf.newest(service_named(bot.service).releases)
    return newest if newest and digest_in(target(bot, wanted)) != newest.digest else None


def target(bot: Agent, wanted: Wanted) -> str:
    """The release that the bot is on its way to, or runs."""
    return wanted.release if wanted.upgrades > bot.progress.upgrades else bot.progress.release


def awaited(bot: Agent) -> Release | None:
    """The release that the bot waits for, while it is not built."""
    if bot.wanted.upgrades == bot.progress.upgrades:
        return None
    return Release.objects.filter(key=bot.wanted.release).exclude(state=Release.State.READY).first()


ALL_ACTIONS: dict[Action, Callable[[Agent, Agent], None]] = {
    **ACTIONS,
    Action.UPGRADE: upgrade,
    Action.REBUILD: rebuild,
}
"""How each action is requested."""
