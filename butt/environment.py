"""What programs that we start are told of our environment: never the service's settings, among which are its secrets.

All of a user's processes can read the environment of each other, so what is there is no secret from anything we start.
"""

import os

FOR_ALL = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_PRELOAD", "LD_LIBRARY_PATH"})
"""Where programs are, and how they write words and times."""

OURS = ("BUTT_", "PG")
"""Our settings, and those of the client of PostgreSQL, which has a password too."""


def for_bots() -> dict[str, str]:
    """A bot is somebody's program."""
    return {name: value for name, value in os.environ.items() if name in FOR_ALL}


def for_tools(**more: str) -> dict[str, str]:
    """For a program that fetches, builds or asks: registries, proxies and certificates are named there."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**ours, **more}
