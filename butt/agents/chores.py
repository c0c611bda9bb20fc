"""Periodic work on the bots' journals."""

from butt.agents.journal import prune_states
from butt.chores import DAILY, Chore

CHORES = (Chore(prune_states, DAILY),)
