"""Lets packages above refuse a new bot before it is created, if it would lack something that they know of."""

from django.dispatch import Signal

bot_requested = Signal()
"""Sent before anything is written, with `person` and `bots`, the number of bots they would then have. A
receiver refuses by raising `butt.agents.actions.Refused`.
"""
