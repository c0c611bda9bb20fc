"""What people may write: signs that can be seen, and those between them that join them."""

JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Persian and Hindi are written with them, and families among the emoji are made by them."""

_WITHOUT = str.maketrans("", "", JOINERS)


def can_be_seen(text: str) -> bool:
    """Whether `text` is made of what can be seen; joiners alone join nothing."""
    seen = text.translate(_WITHOUT)
    return seen.isprintable() and bool(seen.strip()) == bool(text.strip())
