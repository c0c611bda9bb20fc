"""The programs that we start: their environment, and what they print.

Their environment is never the service's settings, as they include its secrets.

All processes of a user can read each other's environment, so nothing in it is secret from a program that we
start.
"""

import os

FOR_ALL = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_PRELOAD", "LD_LIBRARY_PATH"})
"""Where to find programs, and how to write text and times."""

OURS = ("BUTT_", "PG")
"""Prefixes of our settings, and of those of PostgreSQL's client, which include a password."""


def for_bots() -> dict[str, str]:
    """A bot is somebody else's program, so it gets only these variables."""
    return {name: value for name, value in os.environ.items() if name in FOR_ALL}


def for_tools(**more: str) -> dict[str, str]:
    """For a program that fetches, builds or queries: it needs the settings of registries, proxies and
    certificates.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**ours, **more}


def last_line(text: str) -> str:
    """The end of what a program printed, short enough for an error."""
    return (text.strip().splitlines() or ["it printed nothing"])[-1][:300]
