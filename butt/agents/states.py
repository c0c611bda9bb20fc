"""The nine states of a bot, which may follow which, and what a person may ask for in each."""

from enum import StrEnum


class State(StrEnum):
    NEW = "new"
    STARTING = "starting"
    ALIVE = "alive"
    STOPPING = "stopping"
    STOPPED = "stopped"
    UPGRADING = "upgrading"
    BROKEN = "broken"
    UNPAID = "unpaid"
    LEAVING = "leaving"

    @property
    def is_passing(self) -> bool:
        """Whether the bot will leave this state by itself."""
        return self in {State.NEW, State.STARTING, State.STOPPING, State.UPGRADING}


SHOULD_ANSWER = (State.STARTING, State.ALIVE, State.UPGRADING, State.BROKEN)
"""In these states a bot is watched, and counts as down if it does not answer."""

_S = State
MOVES: dict[State, frozenset[State]] = {
    _S.NEW: frozenset({_S.STARTING, _S.STOPPED, _S.UNPAID, _S.LEAVING}),
    _S.STARTING: frozenset({_S.ALIVE, _S.BROKEN, _S.STOPPING}),
    _S.ALIVE: frozenset({_S.STARTING, _S.BROKEN, _S.STOPPING, _S.UPGRADING}),
    _S.STOPPING: frozenset({_S.STARTING, _S.STOPPED, _S.UPGRADING, _S.UNPAID, _S.LEAVING}),
    _S.STOPPED: frozenset({_S.STARTING, _S.UPGRADING, _S.STOPPING, _S.UNPAID}),
    _S.UPGRADING: frozenset({_S.ALIVE, _S.BROKEN, _S.STOPPING}),
    _S.BROKEN: frozenset({_S.STARTING, _S.ALIVE, _S.STOPPING}),
    _S.UNPAID: frozenset({_S.STARTING, _S.UPGRADING, _S.STOPPING}),
    _S.LEAVING: frozenset({_S.STARTING, _S.UPGRADING, _S.STOPPED, _S.UNPAID}),
}


class Action(StrEnum):
    """What a person may ask of a bot."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    UPGRADE = "upgrade"
    REBUILD = "rebuild"
    DELETE = "delete"
    RESTORE = "restore"


# A second click on a button arrives in the state that the first one led to: it is granted and changes
# nothing.
_STAYING = frozenset(State) - {State.LEAVING}
ASKED_IN: dict[Action, frozenset[State]] = {
    Action.START: frozenset({_S.STOPPED, _S.STOPPING, _S.STARTING, _S.BROKEN}),
    Action.UPGRADE: frozenset({_S.STARTING, _S.ALIVE, _S.STOPPING, _S.STOPPED, _S.UPGRADING, _S.BROKEN}),
    Action.REBUILD: frozenset({_S.STARTING, _S.ALIVE, _S.STOPPING, _S.STOPPED, _S.UPGRADING, _S.BROKEN}),
    Action.STOP: frozenset({_S.NEW, _S.STARTING, _S.ALIVE, _S.STOPPING, _S.UPGRADING, _S.BROKEN}),
    Action.RESTART: frozenset({_S.STARTING, _S.ALIVE, _S.STOPPING, _S.UPGRADING, _S.BROKEN}),
    Action.DELETE: _STAYING,
    Action.RESTORE: frozenset({_S.LEAVING}),
}

TO_RUN = frozenset({Action.START, Action.RESTART, Action.UPGRADE, Action.REBUILD})
"""What nobody can ask of a bot that operators have stopped."""


def may_ask(action: Action, state: State) -> bool:
    return state in ASKED_IN[action]
