"""Periodic work on accounts."""

from butt.accounts.leaving import finish
from butt.accounts.sessions import prune_sessions
from butt.chores import DAILY, OFTEN, Chore

CHORES = (Chore(finish, OFTEN), Chore(prune_sessions, DAILY))
