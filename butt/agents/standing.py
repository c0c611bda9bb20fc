"""How a bot stands now, as everybody is shown it."""

from butt.agents.models import Agent
from butt.agents.states import State


def standing(bot: Agent) -> State:
    """The state that the steward wrote, corrected by what has been wished or seen since.

    A wish shows at once as the passing state it leads to, and a bot that is seen not to answer is not `#alive`,
    even before the steward comes by. Reads only what `butt.agents.bots` has fetched.
    """
    wanted, progress, observed = bot.wanted, bot.progress, bot.observed
    state = State(progress.state)
    up = wanted.run and wanted.gone_at is None
    changes_code = wanted.upgrades > progress.upgrades and wanted.gone_at is None
    if changes_code and state in {State.ALIVE, State.STARTING, State.STOPPING, State.STOPPED, State.BROKEN}:
        return State.UPGRADING
    if state in {State.ALIVE, State.STARTING, State.UPGRADING, State.BROKEN}:
        if not up or wanted.restarts > progress.restarts:
            return State.STOPPING
        if state is State.ALIVE and not (observed.alive and observed.launch == progress.launch):
            return State.STARTING
    elif state is State.STOPPED and (up or wanted.gone_at is not None):
        return State.STARTING if up else State.STOPPING
    elif state is State.LEAVING and wanted.gone_at is None:
        return State.STARTING if wanted.run else State.STOPPED
    return state
