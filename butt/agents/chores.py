"""What is done for bots' journals by itself, again and again."""

from butt.agents.journal import prune_states
from butt.chores import DAILY, Chore

CHORES = (Chore(prune_states, DAILY),)
