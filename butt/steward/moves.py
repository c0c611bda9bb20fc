"""The table of moves: what to do next with a bot, given what is wanted and what is seen. Pure, no I/O."""

from collections.abc import Callable
from datetime import timedelta

from butt.agents.states import State
from butt.hosts.exits import PORT_TAKEN
from butt.reasons import Reason
from butt.steward import moving
from butt.steward.situation import (
    FIRST_LOOK,
    RESTING,
    SOON,
    WATCHING,
    Effect,
    Situation,
    Transition,
    soon,
    starting,
)
from scuttlekit.backoff import backoff

STOP_DEADLINE = timedelta(seconds=30)
FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=5), timedelta(minutes=10)
PORT_TRIES = 5


def decide(at: Situation) -> Transition:
    if (move := moving.decide(at)) is not None:
        return move
    if at.other_code and at.offer.failed and at.progress.state in _MAY_SAY_NO:
        return _decline(at)
    return _DECISIONS[State(at.progress.state)](at)


def _new(at: Situation) -> Transition:
    if not at.up:
        return _stopping(at)
    return _launch(at, place=True)


def _starting(at: Situation) -> Transition:
    if not at.up or at.upgrade:
        return _stop(at)
    if at.answers:
        return Transition(State.ALIVE, wait=RESTING, changes={"deadline": None, "tries": 0})
    if at.seen.ended:
        if _may_move_port(at):
            return _launch(at, place=True, tries=at.progress.tries + 1)
        return _break(at, at.seen.ended)
    if at.overdue:
        return _break(at, at.observed.trouble or Reason("answers-not"))
    return Transition(State.STARTING, at.offer.progress or at.progress.reason, Effect.RUN, starting(at))


def _alive(at: Situation) -> Transition:
    if not at.up or at.restart or at.upgrade:
        return _stop(at)
    if at.on_trial:
        return _alive_on_trial(at)
    if at.seen.ended:
        return _break(at, at.seen.ended)
    if not at.answers:
        reason = Reason("restarting")
        deadline = at.now + at.start_deadline
        return Transition(State.STARTING, reason, Effect.RUN, WATCHING, changes={"deadline": deadline})
    if at.other_code:
        return Transition(State.ALIVE, at.offer.progress, Effect.RUN, WATCHING)
    return Transition(State.ALIVE, effect=Effect.RUN, wait=RESTING)


def _alive_on_trial(at: Situation) -> Transition:
    """It answered on its new code. Until the trial is over, any failure takes it back to its earlier code."""
    if at.seen.ended:
        return _go_back(at, at.seen.ended)
    if not at.answers:
        changes = {"deadline": at.now + at.start_deadline}
        return Transition(State.UPGRADING, Reason("answers-no-more"), Effect.RUN, WATCHING, changes=changes)
    left = (at.progress.trial_ends or at.now) - at.now
    if left > timedelta(0):
        return Transition(
            State.ALIVE, at.offer.progress, Effect.RUN, min(WATCHING if at.other_code else RESTING, left)
        )
    return Transition(State.ALIVE, effect=Effect.RUN, changes=_PROVEN)


def _upgrading(at: Situation) -> Transition:
    """The health gate: alive on the new code within the deadline, or back to the earlier code."""
    if not at.up or at.restart or at.upgrade:
        return _stop(at)
    if at.answers:
        changes = {"deadline": None, "tries": 0, "trial_ends": at.now + at.trial}
        return Transition(State.ALIVE, effect=Effect.RUN, wait=min(RESTING, at.trial), changes=changes)
    if at.seen.ended:
        return _go_back(at, at.seen.ended)
    if at.overdue:
        seconds = round(at.start_deadline.total_seconds())
        return _go_back(at, Reason("answers-too-late", seconds=seconds, trouble=at.observed.trouble))
    return Transition(State.UPGRADING, at.progress.reason, Effect.RUN, starting(at))


def _stopping(at: Situation) -> Transition:
    if at.seen.running:
        reason = Reason("stops-slowly") if at.overdue else at.progress.reason
        return Transition(State.STOPPING, reason, Effect.HALT, soon(at))
    if at.wanted.gone_at is not None:
        return Transition(State.LEAVING, changes={"deadline": None})
    if not at.wanted.paid:
        return _unpaid(at)
    if at.wants_run:
        return _launch(at, reason=at.progress.reason, place=not at.progress.port)
    return Transition(State.STOPPED, at.held, wait=RESTING, changes={"deadline": None, "tries": 0})


def _stopped(at: Situation) -> Transition:
    if at.wanted.gone_at is not None or at.seen.running:
        return _stop(at)
    if not at.wanted.paid:
        return _unpaid(at)
    if at.upgrade and not at.wants_run:
        return Transition(State.STOPPED, changes=_other_code(at))
    if at.wants_run:
        return _launch(at, place=not at.progress.port)
    if at.other_code:
        return Transition(State.STOPPED, at.offer.progress, wait=WATCHING)
    return Transition(State.STOPPED, at.held, wait=RESTING)


def _unpaid(at: Situation) -> Transition:
    """It stays stopped until it is paid for, then returns to what was wanted before."""
    if at.wanted.gone_at is not None or at.seen.running:
        return _stop(at)
    if not at.wanted.paid:
        reason = Reason("payment-due")
        return Transition(State.UNPAID, reason, wait=RESTING, changes={"deadline": None, "tries": 0})
    return _launch(at, place=not at.progress.port) if at.wants_run else _stop(at)


def _broken(at: Situation) -> Transition:
    if not at.up or at.restart or at.upgrade:
        return _stop(at)
    if at.answers:
        return Transition(State.ALIVE, wait=RESTING, changes={"deadline": None, "tries": 0})
    if at.overdue:
        return _stop(at, at.progress.reason)
    left = (at.progress.deadline or at.now) - at.now
    return Transition(State.BROKEN, at.progress.reason, wait=min(left, WATCHING) if at.other_code else left)


def _leaving(at: Situation) -> Transition:
    if at.wanted.gone_at is None and not at.wanted.paid:
        return _unpaid(at)
    if at.wanted.gone_at is None:
        return _launch(at, place=not at.progress.port) if at.wants_run else Transition(State.STOPPED, at.held)
    if at.seen.running:
        return Transition(State.LEAVING, at.progress.reason, Effect.HALT, soon(at))
    if at.now >= at.wanted.gone_at:
        return Transition(State.LEAVING, effect=Effect.DESTROY)
    return Transition(State.LEAVING, wait=min(RESTING, at.wanted.gone_at - at.now))


def _launch(at: Situation, *, reason: str = "", place: bool = False, tries: int | None = None) -> Transition:
    """Start it anew, on the code that was asked for if that is ready."""
    code = _other_code(at) if at.upgrade and at.progress.release else {}
    return Transition(
        State.UPGRADING if code.get("previous", at.progress.previous) else State.STARTING,
        reason,
        Effect.RUN,
        FIRST_LOOK,
        place=place,
        changes={
            "launch": at.progress.launch + 1,
            "restarts": at.wanted.restarts,
            "deadline": at.now + at.start_deadline,
            "tries": at.progress.tries if tries is None else tries,
            **code,
        },
    )


def _other_code(at: Situation) -> dict[str, object]:
    """Switch to the code that was asked for. It can only go back to the code last proven, not to any in between."""
    proven = at.progress.previous or at.progress.release
    if at.wanted.release == proven:
        return {**_PROVEN, "release": proven, "upgrades": at.wanted.upgrades}
    return {
        "release": at.wanted.release,
        "previous": proven,
        "trial_ends": None,
        "upgrades": at.wanted.upgrades,
        "refused": "",
        "notice": "",
        "move_notice": "",
    }


def _go_back(at: Situation, why: str) -> Transition:
    """Stop the failing code, then start the earlier code. This is written down before anything is stopped."""
    changes: dict[str, object] = {
        "release": at.progress.previous,
        "refused": at.progress.release,
        "notice": Reason("code-failed", why=why),
        "move_notice": "",
        "deadline": at.now + STOP_DEADLINE,
        "tries": 0,
        **_PROVEN,
    }
    return Transition(State.STOPPING, Reason("going-back"), Effect.HALT, SOON, changes=changes)


def _decline(at: Situation) -> Transition:
    """The code that was asked for cannot be built: the bot stays as it is and says so."""
    changes: dict[str, object] = {
        "upgrades": at.wanted.upgrades,
        "refused": at.wanted.release,
        "notice": Reason("code-not-built", why=at.offer.failed),
        "move_notice": "",
    }
    return Transition(State(at.progress.state), at.progress.reason, changes=changes)


def _stop(at: Situation, reason: str = "") -> Transition:
    return Transition(State.STOPPING, reason, Effect.HALT, SOON, changes={"deadline": at.now + STOP_DEADLINE})


def _break(at: Situation, reason: str) -> Transition:
    tries = at.progress.tries + 1
    back_off = backoff(tries - 1, FIRST_BACK_OFF, LONGEST_BACK_OFF)
    return Transition(
        State.BROKEN,
        moving.with_advice(at, reason),
        wait=back_off,
        changes={"deadline": at.now + back_off, "tries": tries},
    )


def _may_move_port(at: Situation) -> bool:
    """A bot that never answered can take another port; later, its address is in people's invites."""
    met = at.observed.launch > 0
    return at.seen.exit_code == PORT_TAKEN and not met and at.progress.tries < PORT_TRIES


_PROVEN: dict[str, object] = {"previous": "", "trial_ends": None}
_MAY_SAY_NO = frozenset(
    {State.ALIVE, State.STARTING, State.STOPPED, State.BROKEN, State.UPGRADING, State.STOPPING}
)

_DECISIONS: dict[State, Callable[[Situation], Transition]] = {
    State.NEW: _new,
    State.STARTING: _starting,
    State.ALIVE: _alive,
    State.STOPPING: _stopping,
    State.STOPPED: _stopped,
    State.UPGRADING: _upgrading,
    State.BROKEN: _broken,
    State.UNPAID: _unpaid,
    State.LEAVING: _leaving,
}
