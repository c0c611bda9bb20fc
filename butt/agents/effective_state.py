"""The state of a bot now, as everybody is shown it."""

from django.db.models import Q

from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.reasons import Reason


def effective_state(bot: Agent) -> State:
    """The state that the steward wrote, corrected by what was asked for or seen since then.

    A request shows at once as the passing state it leads to, and a bot that does not answer is not shown as
    `#alive`, even before the steward gets to it. Reads only what `butt.agents.bots` has fetched.
    """
    wanted, progress, observed = bot.wanted, bot.progress, bot.observed
    state = State(progress.state)
    up = is_up(wanted)
    changes_code = wanted.upgrades > progress.upgrades and wanted.paid and wanted.gone_at is None
    if changes_code and state in {State.ALIVE, State.STARTING, State.STOPPING, State.STOPPED, State.BROKEN}:
        return State.UPGRADING
    if state in {State.ALIVE, State.STARTING, State.UPGRADING, State.BROKEN}:
        if not up or wanted.restarts > progress.restarts:
            return State.STOPPING
        if state is State.ALIVE and not (observed.alive and observed.launch == progress.launch):
            return State.STARTING
    elif state in {State.STOPPED, State.UNPAID, State.LEAVING}:
        return _at_rest(wanted, state)
    return state


def is_up(wanted: Wanted) -> bool:
    """Whether its process should run."""
    return wanted.run and wanted.paid and wanted.gone_at is None and not why_held(wanted)


def why_held(wanted: Wanted) -> str:
    """Why operators keep the bot from running, in words for its owners and moderators; empty if they do not."""
    if wanted.blocked:
        return Reason("blocked", why=wanted.blocked)
    if wanted.suspended:
        return Reason("owner-suspended")
    return ""


def in_public(row: str = "wanted") -> Q:
    """The condition on a bot's `row` for its pages to be public."""
    conditions = {"gone_at": None, "blocked": "", "suspended": False, "page_down": False}
    return Q(**{f"{row}__{field}": value for field, value in conditions.items()})


def _at_rest(wanted: Wanted, state: State) -> State:
    if wanted.gone_at is not None:
        return State.LEAVING if state is State.LEAVING else State.STOPPING
    if not wanted.paid:
        return State.UNPAID
    return State.STARTING if wanted.run and not why_held(wanted) else State.STOPPED
