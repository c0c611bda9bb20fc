"""Registering, signing in, and the second factor for programs."""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError

from butt.accounts.guessing import one_guess, one_newcomer
from butt.accounts.models import Account
from butt.agents.words import can_be_seen, one_line, storable
from butt.limits.counts import TooOften

LONGEST_PASSWORD = 1024
LONGEST_NAME = 80
LONGEST_EMAIL = 254


class NoEntry(Exception):
    """Why somebody is not let in, in words for them."""

    def __init__(self, code: str, message: str, field: str, wait: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field
        self.wait = wait
        """Seconds until another try makes sense."""


def come_in(email: str, password: str, address: str, browser: str = "") -> tuple[Account, bool]:
    """Sign in if the address is known, register if not; also returns whether they are new. Raises `NoEntry` as
    both do.

    With a password too weak for a new account, it does not reveal whether the address is known.
    """
    canonical = _canonical(email)
    is_known = Account.objects.filter(email=canonical).exists()
    if not is_known:
        check_email(canonical)
    weak = _weakness(canonical, password)
    if not (is_known or weak):
        return register(email, password, address=address), True
    try:
        return sign_in(email, password, address, browser), False
    except NoEntry as no:
        if weak and no.code == "wrong_password":
            raise NoEntry(no.code, f"{no.message} For a new account: {weak}", no.field) from None
        raise


def register(email: str, password: str, name: str = "", *, address: str = "") -> Account:
    """A new account; `address` is where the request comes from, empty for the service itself.

    Raises `NoEntry`: `bad_email`, `bad_password`, `bad_name`, `email_taken`, `too_many_guesses`.
    """
    email = _canonical(email)
    check_email(email)
    if weak := _weakness(email, password):
        raise NoEntry("bad_password", weak, "password")
    name = clean_person_name(name)
    if address:
        with _in_words():
            one_newcomer(address)
    try:
        return Account.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise NoEntry(
            "email_taken", "This address already has an account. Please sign in.", "email"
        ) from None


def sign_in(email: str, password: str, address: str = "", browser: str = "") -> Account:
    """The account of `email`. `address` is where the request comes from, `browser` one in which the owner signed
    in before.

    Raises `NoEntry`: `wrong_password`, for an unknown address too, and `too_many_guesses`.
    """
    _check_length(password)
    email = _canonical(email)
    with _slowed(email, address, browser):
        account = authenticate(username=email, password=password)
        if not isinstance(account, Account):
            raise NoEntry("wrong_password", "Wrong email or password.", "password")
    return account


def check_email(email: str) -> None:
    """Raises `NoEntry` `bad_email` for an address to which no mail can be sent."""
    try:
        validate_email(email)
    except ValidationError:
        raise _bad_email() from None
    if len(email) > LONGEST_EMAIL:
        raise _bad_email()


def clean_person_name(name: str) -> str:
    """`name`, trimmed. Raises `NoEntry` `bad_name`."""
    name = one_line(name)
    if len(name) > LONGEST_NAME:
        raise NoEntry("bad_name", f"A name can have at most {LONGEST_NAME} characters.", "name")
    if not can_be_seen(name):
        raise NoEntry("bad_name", "Names cannot contain invisible characters.", "name")
    return name


def pass_second_factor(account: Account, code: str | None, address: str) -> None:
    """For programs: check a code of the authenticator app, or a recovery code, if the account requires one.

    Raises `NoEntry` `second_factor` without a code, `wrong_code`, `too_many_guesses`.
    """
    factors = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    if not Authenticator.objects.filter(user=account, type__in=factors).exists():
        return
    if not code:
        raise NoEntry("second_factor", "This account has a second factor. Send its code as well.", "code")
    with _slowed(f"code {account.id}", address):
        if not any(
            authenticator.wrap().validate_code(code)
            for authenticator in Authenticator.objects.filter(user=account).exclude(
                type=Authenticator.Type.WEBAUTHN
            )
        ):
            raise NoEntry("wrong_code", "This code is wrong or has expired.", "code")


@contextmanager
def _slowed(account: str, address: str, browser: str = "") -> Iterator[None]:
    with _in_words(), one_guess(account, address, browser):
        yield


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except TooOften as slow:
        minutes = -(-slow.seconds // 60)
        message = f"Too many tries. Please come back in {minutes} minute{'s' if minutes > 1 else ''}."
        raise NoEntry("too_many_guesses", message, "password", slow.seconds) from None


def _canonical(email: str) -> str:
    email = email.strip().lower()
    if not email.isprintable():
        raise _bad_email()
    return email


def _weakness(email: str, password: str) -> str:
    """Why a new account may not have this password; empty if it may."""
    _check_length(password)
    try:
        validate_password(password, Account(email=email))
    except ValidationError as weak:
        return " ".join(weak.messages)
    return ""


def _bad_email() -> NoEntry:
    return NoEntry("bad_email", "We cannot send email to this address.", "email")


def _check_length(password: str) -> None:
    if storable(password) != password:
        raise NoEntry("bad_password", "This password contains an incomplete character.", "password")
    if len(password) > LONGEST_PASSWORD:
        raise NoEntry(
            "bad_password", f"A password can have at most {LONGEST_PASSWORD} characters.", "password"
        )
