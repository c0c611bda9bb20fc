"""What is done for operators by itself, again and again."""

from butt.chores import OFTEN, Chore
from butt.operating.announcing import tell_everybody

CHORES = (Chore(tell_everybody, OFTEN),)
