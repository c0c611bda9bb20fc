"""Slowing down whoever guesses passwords or codes, for the account and for the address they come from, and whoever
makes account after account.

Each guess is a row before it is tried and goes when it was right, so that many at once, in any number of
processes, get no more tries than one after the other; a guess that is cut off counts as a wrong one.
"""

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from butt.accounts.models import Guess

WINDOW = timedelta(minutes=10)
PER_ACCOUNT, PER_ADDRESS = 10, 50
NEW_PER_ADDRESS = 200  # A school, or a meeting where all sign up at once, has one address.


class TooManyGuesses(Exception):
    """Come back in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


@contextmanager
def one_guess(account: str, address: str) -> Iterator[None]:
    """A try at the secret of `account`; leaving without an error means that it was right.

    Raises `TooManyGuesses` before anything is tried.
    """
    mine = _note({_key("account", account): PER_ACCOUNT, _key("address", network_of(address)): PER_ADDRESS})
    yield
    Guess.objects.filter(id__in=mine).delete()
    Guess.objects.filter(key=_key("account", account)).delete()


def one_newcomer(address: str) -> None:
    """One more account is to be made from there, or it is tried whether there is one. Raises `TooManyGuesses`."""
    _note({_key("newcomer", network_of(address)): NEW_PER_ADDRESS})


def _note(limits: Mapping[str, int]) -> list[int]:
    """A row for each key, unless that is more than the limit of one."""
    now = timezone.now()
    Guess.objects.filter(at__lt=now - WINDOW).delete()
    mine = [Guess.objects.create(key=key, at=now).id for key in limits]
    for key, most in limits.items():
        recent = Guess.objects.filter(key=key, at__gte=now - WINDOW)
        if recent.count() > most:
            Guess.objects.filter(id__in=mine).delete()
            oldest = recent.order_by("at").values_list("at", flat=True).first() or now
            raise TooManyGuesses(max(1, int((oldest + WINDOW - now).total_seconds())))
    return mine


def network_of(address: str) -> str:
    """Whom an address stands for: who has one IPv6 address has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False))  # noqa: PLR2004


def _key(kind: str, text: str) -> str:
    """A digest: the table tells nobody who tried, or whom."""
    return hashlib.sha256(f"{kind} {text}".encode()).hexdigest()
