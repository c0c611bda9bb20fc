"""Recurring tasks for the owners of bots that leave."""

from butt.chores import OFTEN, Chore
from butt.leaving.letters import tell_of_leaving

CHORES = (Chore(tell_of_leaving, OFTEN),)
