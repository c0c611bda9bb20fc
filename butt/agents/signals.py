"""Who may still say no before a bot is made: rooms above that know of something it needs."""

from django.dispatch import Signal

bot_requested = Signal()
"""Sent with `person` and `bots`, how many they would have then, before anything is written. A receiver that refuses
raises `butt.agents.actions.Refused`."""
