"""What people may write: visible characters, and the invisible ones that join them or set their direction.

And which text a database can store.
"""

import re
import unicodedata

UNSEEN = (
    "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # needed for Persian, Hindi, and emoji of families
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"  # needed for Hebrew and Arabic beside other scripts
)
"""Invisible characters that words need. Overrides and isolates are not among them, as they reverse the text
beside them.
"""

_WITHOUT = str.maketrans("", "", UNSEEN)
_LEFT_OUT = "\N{SOFT HYPHEN}\N{ZERO WIDTH NO-BREAK SPACE}"
"""Comes with pasted text and carries no meaning: a possible line break, and a file's encoding mark."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL does not accept NUL, and no database a lone surrogate; JSON and file names may contain both."""


def can_be_seen(text: str) -> bool:
    """Whether `text` consists of visible characters; joiners alone are not visible."""
    seen = text.translate(_WITHOUT)
    return seen.isprintable() and bool(seen.strip()) == bool(text.strip())


def plain(text: str) -> str:
    """`text` with plain spaces in place of tabs and other kinds of spaces, which keyboards and programs produce."""
    return "".join(
        " " if sign == "\t" or unicodedata.category(sign) == "Zs" else sign
        for sign in text
        if sign not in _LEFT_OUT
    )


def one_line(text: str) -> str:
    """`text` in the form in which a name is stored."""
    return " ".join(plain(text).split())


def storable(text: str) -> str:
    """Text from bots, machines and files as a database accepts it: refused text would lose everything written
    with it.
    """
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
