"""What a bot may be called: one DNS label, so that `NAME.DOMAIN` is its address."""

import re

SHORTEST, LONGEST = 2, 32
RESERVED = frozenset(
    "admin api app autoconfig billing blog butt cloud dashboard docs ftp git help host imap join localhost "
    "import mail new news ns ns1 ns2 pop postmaster private public pub root salt shop smtp start status support test "
    "webmail webmaster www xn".split()
)


class BadName(ValueError):
    """A name that cannot be; its text says why, to the person who typed it."""


def clean_bot_name(text: str) -> str:
    """`text` as a bot's name: trimmed and in lower case. Raises `BadName`."""
    name = text.strip().lower()
    if not name:
        raise BadName("Give your bot a name.")
    if wrong := re.sub(r"[a-z0-9-]", "", name):
        shown = "a space" if wrong[0].isspace() else f"“{wrong[0]}”"
        raise BadName(f"A name is made of the letters a to z, digits and hyphens; {shown} cannot be in it.")
    if not SHORTEST <= len(name) <= LONGEST:
        raise BadName(f"A name is {SHORTEST} to {LONGEST} characters long; this one has {len(name)}.")
    if not name[0].isalpha():
        raise BadName("A name starts with a letter.")
    if name.endswith("-") or "--" in name:
        raise BadName("A hyphen stands between two letters or digits, never last and never twice.")
    if name in RESERVED:
        raise BadName(f"“{name}” is kept for the service itself; please choose another.")
    return name
