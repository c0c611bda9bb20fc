"""Who may still say no before a bot is made: rooms above that know of something it needs."""

from django.dispatch import Signal

bot_is_asked_for = Signal()
"""Sent with `person` and `bots`, how many they would have then, before anything is written. A receiver that refuses
raises `butt.agents.wishes.Refused`."""
