"""Slows down people who guess passwords or codes, for each account and each address they come from, and
people who creates account after account.

A guess is counted before it is tried, and uncounted if it was right; one that is cut off counts as wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from butt.limits.counts import count, forget, uncount
from butt.limits.networks import network_of
from butt.limits.table import ACCOUNT_GUESSES, ADDRESS_ACCOUNTS, ADDRESS_GUESSES, BROWSER_GUESSES


@contextmanager
def one_guess(account: str, address: str, browser: str = "") -> Iterator[None]:
    """A guess at the secret of `account`; leaving the block without an error means that it was right.

    In a known `browser`, only the wrong guesses from that browser count, so nobody else can lock the owner
    out there. Raises `TooOften` before anything is tried.
    """
    of_account = (ACCOUNT_GUESSES, f"account {account}")
    if browser:
        of_account = (BROWSER_GUESSES, f"account {account} in a browser {browser}")
        mine = count(of_account)
    else:
        mine = count(of_account, (ADDRESS_GUESSES, _from(address)))
    yield
    uncount(mine)
    forget(*of_account)


def one_newcomer(address: str) -> None:
    """Count a new account from this address, or an attempt to find out whether one exists. Raises `TooOften`."""
    count((ADDRESS_ACCOUNTS, _from(address)))


def _from(address: str) -> str:
    return f"address {network_of(address)}"
