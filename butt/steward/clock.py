"""A clock that was ahead and is right again, as one that is set when the network comes: what was put off by it, and was to
be over soon, would be over in hours or days.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from butt.agents.models import Progress
from butt.agents.states import State
from butt.configuration import configuration
from butt.steward.moves import LONGEST_BACK_OFF

FURTHEST = LONGEST_BACK_OFF + timedelta(minutes=1)
"""No bot is put off for longer."""


def is_due(now: datetime) -> Q:
    """Of `Progress`, seen from its bot."""
    return Q(progress__due_at__lte=now) | Q(progress__due_at__gt=now + FURTHEST)


def set_right(now: datetime) -> None:
    """No deadline is further away than it may be put."""
    start = now + timedelta(seconds=configuration().start_patience)
    trial = now + timedelta(seconds=configuration().trial_seconds)
    late = Progress.objects.filter(deadline__gt=max(start, now + LONGEST_BACK_OFF))
    late.filter(state=State.BROKEN).update(deadline=now + LONGEST_BACK_OFF)
    late.exclude(state=State.BROKEN).update(deadline=start)
    Progress.objects.filter(trial_ends__gt=trial).update(trial_ends=trial)
