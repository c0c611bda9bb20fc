"""Periodic work for operators."""

from butt.chores import OFTEN, Chore
from butt.operating.announcing import tell_everybody
from butt.operating.machines import go_on_emptying

CHORES = (Chore(tell_everybody, OFTEN), Chore(go_on_emptying, OFTEN))
