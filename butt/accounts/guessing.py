"""Slowing down whoever guesses passwords or codes, for the account and for the address they come from, and whoever
makes account after account.

A guess is counted before it is tried, and no longer when it was right; a guess that is cut off counts as a wrong one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from butt.limits.counts import count, forget, uncount
from butt.limits.networks import network_of
from butt.limits.table import ACCOUNT_GUESSES, ADDRESS_ACCOUNTS, ADDRESS_GUESSES, BROWSER_GUESSES


@contextmanager
def one_guess(account: str, address: str, browser: str = "") -> Iterator[None]:
    """A try at the secret of `account`; leaving without an error means that it was right.

    From a known `browser`, only what was wrong in that browser counts: nobody else can lock the owner out there.
    Raises `TooOften` before anything is tried.
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
    """One more account is to be made from there, or it is tried whether there is one. Raises `TooOften`."""
    count((ADDRESS_ACCOUNTS, _from(address)))


def _from(address: str) -> str:
    return f"address {network_of(address)}"
