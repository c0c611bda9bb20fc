"""The chores of the outbox: sending what is due, and forgetting what is old."""

from butt.chores import DAILY, OFTEN, Chore
from butt.outbox.sending import forget_old, send_due

CHORES = (Chore(send_due, OFTEN), Chore(forget_old, DAILY))
