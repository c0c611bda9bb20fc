"""Corrects deadlines after the clock was ahead and was set right: they would be hours or days away."""

from datetime import datetime, timedelta

from butt.agents.models import Leg, Progress
from butt.agents.states import State
from butt.configuration import configuration
from butt.steward.moves import LONGEST_BACK_OFF
from butt.steward.moving import CARRY_DEADLINE


def set_right(progress: Progress, now: datetime) -> None:
    """Bring each deadline of this bot back within the longest time it can be set to."""
    start = now + timedelta(seconds=configuration().start_patience)
    trial = now + timedelta(seconds=configuration().trial_seconds)
    broken = now + LONGEST_BACK_OFF
    usual = broken if progress.state == State.BROKEN else start
    if progress.leg == Leg.CARRYING:
        usual = now + CARRY_DEADLINE
    changed = []
    if progress.deadline is not None and progress.deadline > max(usual, start, broken):
        progress.deadline = usual
        changed.append("deadline")
    if progress.trial_ends is not None and progress.trial_ends > trial:
        progress.trial_ends = trial
        changed.append("trial_ends")
    if changed:
        progress.save(update_fields=changed)
