"""What a bot may be called: one DNS label, so that `NAME.DOMAIN` is its address."""

import re

from butt.agents.reserved import is_reserved
from butt.configuration import configuration

SHORTEST, LONGEST = 2, 32


class BadName(ValueError):
    """A name that is not allowed; the text tells the person who typed it why."""


def full_name(name: str) -> str:
    """What people call a bot, and where they find its page: `NAME.DOMAIN`."""
    return f"{name}.{configuration().domain}"


def clean_bot_name(text: str) -> str:
    """`text` as a bot's name: trimmed and in lower case. Raises `BadName`."""
    name = text.strip().lower()
    if not name:
        raise BadName("Give your bot a name.")
    if wrong := re.sub(r"[a-z0-9-]", "", name):
        shown = "a space" if wrong[0].isspace() else f"“{wrong[0]}”"
        raise BadName(f"A name can contain the letters a to z, digits and hyphens, but not {shown}.")
    if not SHORTEST <= len(name) <= LONGEST:
        raise BadName(f"A name must have {SHORTEST} to {LONGEST} characters. This one has {len(name)}.")
    if not name[0].isalpha():
        raise BadName("A name must start with a letter.")
    if name.endswith("-") or "--" in name:
        raise BadName("A hyphen must stand between two letters or digits.")
    if is_reserved(name):
        raise BadName(f"“{name}” is reserved. Please choose another name.")
    return name
