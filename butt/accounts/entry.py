"""Coming in: registering, signing in, and the access tokens of the API."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.utils import timezone

from butt.accounts.models import AccessToken, Account
from butt.agents.models import Agent
from butt.configuration import configuration

LONGEST_PASSWORD = 1024
LONGEST_NAME = 80


class NoEntry(Exception):
    """Why somebody is not let in, said to them."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def is_known(email: str) -> bool:
    """Whether `email` has an account. Raises `NoEntry` `bad_email` for what can be nobody's."""
    return Account.objects.filter(email=_canonical(email)).exists()


def register(email: str, password: str, name: str = "") -> Account:
    """A new account. Raises `NoEntry`: `bad_email`, `bad_password`, `bad_name`, `email_taken`."""
    email = _canonical(email)
    try:
        validate_email(email)
    except ValidationError:
        raise _bad_email() from None
    _check_length(password)
    try:
        validate_password(password, Account(email=email))
    except ValidationError as weak:
        raise NoEntry("bad_password", " ".join(weak.messages), "password") from None
    try:
        return Account.objects.create_user(email, password, name=clean_person_name(name))
    except IntegrityError:
        raise NoEntry("email_taken", "This address has an account; please sign in.", "email") from None


def sign_in(email: str, password: str) -> Account:
    """The account of `email`. Raises `NoEntry` `wrong_password`, the same for an unknown address."""
    _check_length(password)
    account = authenticate(username=_canonical(email), password=password)
    if not isinstance(account, Account):
        raise NoEntry("wrong_password", "Address and password do not fit together.", "password")
    return account


def clean_person_name(name: str) -> str:
    """`name`, trimmed. Raises `NoEntry` `bad_name`."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise NoEntry("bad_name", f"A name has at most {LONGEST_NAME} characters.", "name")
    return name


def issue_token(account: Account) -> str:
    """A new access token; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(days=configuration().token_days)
    AccessToken.objects.create(account=account, digest=_digest(token), expires_at=expires_at)
    return token


def person_with(token: str) -> Agent | None:
    """The person whom `token` speaks for, or None when it is unknown or has expired."""
    found = (
        AccessToken.objects.filter(
            digest=_digest(token), expires_at__gt=timezone.now(), account__is_active=True
        )
        .select_related("account__agent")
        .first()
    )
    return found.account.agent if found else None


def _canonical(email: str) -> str:
    email = email.strip().lower()
    if not email.isprintable():
        raise _bad_email()
    return email


def _bad_email() -> NoEntry:
    return NoEntry("bad_email", "This is not an e-mail address we can write to.", "email")


def _check_length(password: str) -> None:
    if len(password) > LONGEST_PASSWORD:
        raise NoEntry("bad_password", f"A password has at most {LONGEST_PASSWORD} characters.", "password")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
