"""Whether the service's parts are alive, and what they depend on: checked directly, not read from the settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from butt.configuration import Configuration
from butt.trouble import Finding

if TYPE_CHECKING:
    from butt.health.checks import Check

RUNNING = ("public", "private", "steward", "monitor", "salt-master")

WELL = {
    "database": "The database answers, and has all its tables.",
    "mail": "Mail can be sent.",
    "payments": "The payment provider answers.",
    "public": "The public server runs.",
    "private": "The private server runs.",
    "steward": "The steward runs.",
    "monitor": "The monitor runs.",
    "salt-master": "The Salt master answers.",
}


def needed(settings: Configuration) -> Iterator[Finding]:
    """The database first: without it nothing is known about the parts."""
    from butt.health import checks

    found = checks.database()
    yield _finding(found)
    if not found.trouble:
        for name in RUNNING:
            yield from lives(settings, name)
    yield _finding(checks.mail())
    yield _finding(checks.payments())


def lives(settings: Configuration, name: str) -> Iterator[Finding]:
    """One of the parts that this service has."""
    from butt.health import checks

    if name != "salt-master":
        yield _finding(checks.part(name))
    elif (settings.host, settings.salt) == ("salt", "master"):
        yield _finding(checks.salt_master())


def _finding(check: "Check") -> Finding:
    return Finding(check.trouble, check.mend) if check.trouble else Finding(WELL[check.name])
