"""Bots as containers on machines, created and kept running by Salt.

An order is a row. The machine reads all its orders as its pillar, carries them out and reports. A push only
makes this happen sooner: if one is lost, the machine's next regular run makes up for it.
"""

from butt.hosts.salt.host import Salt

__all__ = ["Salt"]
