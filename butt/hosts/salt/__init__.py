"""Bots as containers on machines, made and kept by Salt.

An order is a row; the machine reads all its orders as its pillar, carries them out and reports. A push only makes that
happen now: one that is lost heals with the machine's own next run.
"""

from butt.hosts.salt.host import Salt

__all__ = ["Salt"]
