"""Moving a bot to another place: what to do next once a move was asked for or has begun. Pure, no I/O.

The bot stops, its data is carried and checked, it settles at the other place and starts there. The old copy
never runs at the same time. It is deleted only when the bot answers at the new place and has caught up with
what it had said before. A bot that cannot even start at the new place goes back. One that ran there but does
not answer stays, as its feed may have gone on.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from butt.agents.models import Leg
from butt.agents.states import SHOULD_ANSWER, State
from butt.reasons import Reason
from butt.steward.situation import SOON, WATCHING, Effect, Situation, Transition, soon

CARRY_DEADLINE = timedelta(hours=1)

_REST = frozenset({State.STOPPING, State.STOPPED, State.UNPAID, State.LEAVING})
_HERE = Reason("control-plane")


def decide(at: Situation) -> Transition | None:
    """None if the bot is handled like any other."""
    if at.progress.leg:
        return _LEGS[Leg(at.progress.leg)](at)
    if at.move:
        return _begin(at)
    if at.seen.old_copies and _is_well(at):
        return Transition(State.ALIVE, at.progress.reason, Effect.FORGET, WATCHING)
    return None


def named(place: str) -> str:
    """A place, in words."""
    return _HERE if place == "here" else place


def _begin(at: Situation) -> Transition | None:
    """Begin the move, once nothing else is under way with the bot."""
    state, to = State(at.progress.state), at.wanted.place
    asked = {"moves": at.wanted.moves}
    if at.seen.place and to == at.seen.place:
        return Transition(state, at.progress.reason, changes={**asked, "move_notice": ""})
    if not (at.seen.place and at.progress.ssb_id):
        if state in {State.NEW, State.STARTING, State.STOPPING}:
            return None
        return _stays(at, to, Reason("no-data-yet"), asked)
    return None if _is_busy(at) else _set_out(at, state, to)


def _set_out(at: Situation, state: State, to: str) -> Transition:
    changes = {
        "moves": at.wanted.moves,
        "leg": Leg.CARRYING,
        "origin": at.seen.place,
        "destination": to,
        "deadline": at.now + CARRY_DEADLINE,
        "tries": 0,
        "move_notice": "",
    }
    if state in SHOULD_ANSWER:
        return Transition(State.STOPPING, _moved(to), Effect.HALT, SOON, changes=changes)
    return Transition(state, _moved(to), Effect.CARRY, WATCHING, changes=changes)


def _is_busy(at: Situation) -> bool:
    """It is changing code, is stopping, or is about to be deleted for good."""
    if at.on_trial or at.other_code:
        return True
    at_rest = at.progress.state in _REST and not at.seen.running and not _is_due_to_go(at)
    return not (at_rest or at.progress.state in SHOULD_ANSWER)


def _carrying(at: Situation) -> Transition:
    """It stays stopped until its data has arrived or the move is given up."""
    state, carried, to = State(at.progress.state), at.seen.carried, at.progress.destination
    if at.seen.running:
        return Transition(state, _moved(to), Effect.HALT, soon(at))
    if why := _why_not(at):
        return _stays(at, to, why)
    words: str = ""
    if carried is not None and carried.move == at.progress.moves:
        if carried.sequence is not None:
            changes = {"leg": Leg.ARRIVING, "carried": carried.sequence, "deadline": None}
            return Transition(state, _moved(to), Effect.SETTLE, SOON, changes=changes)
        words = carried.words
    return Transition(state, _moved(to, words), Effect.CARRY, WATCHING)


def _why_not(at: Situation) -> str:
    """Why the move fails; empty while it may succeed."""
    carried = at.seen.carried
    if at.move:
        return Reason("other-place-wanted")
    if carried is not None and carried.move == at.progress.moves:
        if carried.failed:
            return carried.failed
        if carried.sequence is not None:
            ends, reached = carried.sequence, at.observed.sequence
            return Reason("data-behind", ends=ends, reached=reached) if ends < reached else ""
    return Reason("data-late") if at.overdue else ""


def _arriving(at: Situation) -> Transition | None:
    """Its data has arrived. It does not start until the host has it at the new place and nowhere else."""
    state, to = State(at.progress.state), at.progress.destination
    if at.seen.place != to:
        if at.seen.carried is None or at.seen.carried.failed:
            return _stays(at, to, Reason("place-gone", place=named(to)))
        return Transition(state, _moved(to), Effect.SETTLE, SOON)
    if at.move:
        return Transition(state, at.progress.reason, changes=_OVER)
    if _is_well(at):
        return Transition(State.ALIVE, "", Effect.FORGET, WATCHING, changes=_OVER)
    why = _why_down(at, state)
    return _turn_round(at, state, why) if why else None


def _why_down(at: Situation, state: State) -> str:
    """Why it does not run at its new place; empty while it still may, or should not run."""
    if state not in {State.STARTING, State.BROKEN} or not at.up or at.restart or at.answers:
        return ""
    if at.seen.ended:
        return at.seen.ended
    if state is State.BROKEN:
        return at.progress.reason
    return (at.observed.trouble or Reason("answers-not")) if at.overdue else ""


def _turn_round(at: Situation, state: State, why: str) -> Transition:
    if not at.seen.untried:
        # It stays where it ran, as its feed may have gone on there.
        return Transition(state, at.progress.reason, wait=SOON, changes=_OVER)
    origin, to = named(at.progress.origin), named(at.progress.destination)
    notice = Reason("move-reversed", origin=origin, place=to, why=why)
    changes = {"leg": Leg.RETURNING, "move_notice": notice, "tries": 0}
    return Transition(State.STOPPING, Reason("returning", origin=origin), Effect.HALT, SOON, changes=changes)


def with_advice(at: Situation, why: str) -> str:
    """Why a bot does not answer, and what to do about it if it does not where it was moved to."""
    if not at.seen.old_copies:
        return why
    place, origin = named(at.seen.place), named(at.seen.old_copies[0])
    return Reason("copy-is-kept", why=why, place=place, origin=origin)


def _returning(at: Situation) -> Transition:
    """It stops where it could not start, and is back where it was."""
    state = State(at.progress.state)
    if at.seen.place != at.progress.destination:
        return Transition(state, at.progress.reason, changes=_OVER)
    if at.seen.running:
        return Transition(state, at.progress.reason, Effect.HALT, soon(at))
    if not at.seen.untried:
        return Transition(state, Reason("ran-after-all"), changes={**_OVER, "move_notice": ""})
    return Transition(state, at.progress.reason, Effect.GO_BACK, SOON)


def _stays(
    at: Situation, to: str, why: str, asked: Mapping[str, object] = MappingProxyType({})
) -> Transition:
    notice = Reason("move-failed", place=named(to), why=why)
    changes: dict[str, object] = {**asked, "move_notice": notice}
    if not at.progress.leg:
        return Transition(State(at.progress.state), at.progress.reason, Effect.ABANDON, SOON, changes=changes)
    return Transition(
        State(at.progress.state), "", Effect.ABANDON, SOON, changes={**changes, **_OVER, "deadline": None}
    )


def _is_well(at: Situation) -> bool:
    """It answers at its place, on proven code, and has said at least as much as before the move."""
    is_alive = at.progress.state == State.ALIVE and at.up and at.answers and not at.on_trial
    return is_alive and at.observed.said >= at.progress.carried and not at.restart


def _is_due_to_go(at: Situation) -> bool:
    return at.wanted.gone_at is not None and at.now >= at.wanted.gone_at


def _moved(to: str, progress: str = "") -> str:
    return Reason("being-moved", place=named(to), progress=progress)


_OVER: dict[str, object] = {"leg": ""}
_LEGS: dict[Leg, Callable[[Situation], Transition | None]] = {
    Leg.CARRYING: _carrying,
    Leg.ARRIVING: _arriving,
    Leg.RETURNING: _returning,
}
