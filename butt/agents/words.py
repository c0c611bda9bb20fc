"""What people may write: signs that can be seen, and those between them that join them or tell their direction.

And what can be kept of anybody's words.
"""

import re
import unicodedata

UNSEEN = (
    "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, Hindi, and families among the emoji
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"  # Hebrew and Arabic, beside what is neither
)
"""What words need though nobody sees it. Overrides and isolates are not among them: they turn round what is beside."""

_WITHOUT = str.maketrans("", "", UNSEEN)
_LEFT_OUT = "\N{SOFT HYPHEN}\N{ZERO WIDTH NO-BREAK SPACE}"
"""It comes along with what is pasted, and says nothing: where a line may break, and how a file was written."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL takes no NUL, and no database half of a sign; JSON and names of files may have both."""


def can_be_seen(text: str) -> bool:
    """Whether `text` is made of what can be seen; what joins alone joins nothing."""
    seen = text.translate(_WITHOUT)
    return seen.isprintable() and bool(seen.strip()) == bool(text.strip())


def plain(text: str) -> str:
    """`text` with plain spaces for tabs and spaces of all other kinds, as keyboards and other programs make them."""
    return "".join(
        " " if sign == "\t" or unicodedata.category(sign) == "Zs" else sign
        for sign in text
        if sign not in _LEFT_OUT
    )


def one_line(text: str) -> str:
    """`text` as a name is kept."""
    return " ".join(plain(text).split())


def storable(text: str) -> str:
    """Words of bots, machines and files as a database takes them: one that it refuses costs all that goes with it."""
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
