"""Asking for the password again before what only the owner may have. The proof lasts some minutes in the session."""

import time

from django.contrib.auth import logout
from django.http import HttpRequest

from butt.accounts.entry import NoEntry, sign_in
from butt.accounts.models import Account
from butt.public.addresses import address_of
from butt.public.browsers import known_as

PROOF_SECONDS = 300
MOST_WRONG = 5
_PROVED_AT, _WRONG = "proved_at", "wrong_passwords"


def is_proved(request: HttpRequest) -> bool:
    proved_at: float = request.session.get(_PROVED_AT, 0)
    return 0 <= time.time() - proved_at < PROOF_SECONDS


def prove(request: HttpRequest, password: str) -> bool:
    """Whether this is the password of the signed-in person. After `MOST_WRONG` wrong ones they are signed out.

    A guess counts as it does at sign-in: raises `NoEntry` `too_many_guesses`.
    """
    account = request.user
    if not isinstance(account, Account):
        return False
    try:
        sign_in(account.email, password, address_of(request), known_as(request, account.email))
    except NoEntry as no:
        if no.wait:
            raise
    else:
        request.session[_PROVED_AT] = time.time()
        request.session.pop(_WRONG, None)
        return True
    wrong = request.session.get(_WRONG, 0) + 1
    request.session[_WRONG] = wrong
    if wrong >= MOST_WRONG:
        logout(request)
    return False
