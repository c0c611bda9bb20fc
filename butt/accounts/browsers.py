"""Browsers in which somebody signed in before. There, the owner of an account may try a password even while
others guess.

What a browser keeps is signed, and lists the accounts that it knows as digests. It grants no access: it only
makes guesses count separately. After OWASP's "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hashlib
import secrets
from typing import Any

from django.core import signing

LASTS = 365 * 86_400
"""In seconds."""

MOST_PEOPLE = 5
_SALT = "known browser"


def known_as(kept: str, email: str) -> str:
    """The name of the browser that keeps this, if the owner of the address signed in there before; otherwise
    empty.
    """
    name, people = _read(kept)
    return name if _digest(email) in people else ""


def is_known(kept: str) -> bool:
    """Whether anybody has signed in before in the browser that keeps this."""
    return bool(kept and _read(kept)[0])


def with_person(kept: str, email: str) -> str:
    """What the browser should keep, now that the owner of this address has signed in."""
    name, people = _read(kept)
    mine = _digest(email)
    people = [mine, *(each for each in people if each != mine)][:MOST_PEOPLE]
    return signing.dumps([name or secrets.token_urlsafe(12), people], salt=_SALT)


def _read(kept: str) -> tuple[str, list[Any]]:
    try:
        name, people = signing.loads(kept, salt=_SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError):
        return "", []
    return name, people


def _digest(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode(errors="replace")).hexdigest()[:16]
