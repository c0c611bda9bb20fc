"""Recurring tasks for the vault."""

from butt.chores import EACH_MINUTE, HOURLY, Chore
from butt.vault.checking import check_one
from butt.vault.forgetting import forget

CHORES = (Chore(forget, EACH_MINUTE), Chore(check_one, HOURLY))
