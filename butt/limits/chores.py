"""Periodic cleaning up of counts."""

from butt.chores import EACH_MINUTE, HOURLY, Chore
from butt.limits.counts import forget_what_is_over
from butt.limits.slowed import forget_old

CHORES = (Chore(forget_what_is_over, EACH_MINUTE), Chore(forget_old, HOURLY))
