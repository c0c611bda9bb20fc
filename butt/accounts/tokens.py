"""Access tokens of the API: named, scoped, expiring, shown once and kept as hashes."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q, QuerySet
from django.utils import timezone

from butt.accounts.models import AccessToken, Account
from butt.accounts.scopes import EVERYTHING, Scope, granted
from butt.agents.models import Agent
from butt.agents.prepared import Prepared
from butt.agents.words import can_be_seen, one_line
from butt.configuration import configuration

SIGNED_IN = "signed in"
"""The name of tokens that programs get with an email address and a password."""

LONGEST_NAME = 60
MOST_DAYS = 366
MOST_TOKENS = 50
"""For tokens made by hand, and again for those that programs got by signing in."""

SEEN_EVERY = timedelta(minutes=1)
_PERSON = ("id", "type", "name", "description", "service", "created_at")
_known = Prepared(
    lambda digest: AccessToken.objects.filter(digest=digest, account__is_active=True).values_list(
        "id", "expires_at", "last_used_at", "scopes", *(f"account__agent__{field}" for field in _PERSON)
    ),
    "no digest",
)


class BadToken(Exception):
    """Why a token cannot be made, in words for the person, with the field that is wrong."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True)
class TokenHolder:
    """The person a token stands for, and its scopes."""

    person: Agent
    scopes: frozenset[Scope]


def make_token(account: Account, name: str, scopes: Iterable[str], days: int) -> str:
    """Make a token as a person asks for it on a page. Raises `BadToken`."""
    name = one_line(name)
    if not name or len(name) > LONGEST_NAME:
        raise BadToken(f"A name must have 1 to {LONGEST_NAME} characters.", "name")
    if not can_be_seen(name):
        raise BadToken("Names cannot contain invisible characters.", "name")
    if name.lower() == SIGNED_IN:
        raise BadToken("This name is reserved for programs that sign in. Choose another.", "name")
    wanted = set(scopes)
    if not wanted or not wanted <= EVERYTHING:
        raise BadToken("Choose what it may do.", "scopes")
    if not 1 <= days <= MOST_DAYS:
        raise BadToken(f"Choose 1 to {MOST_DAYS} days.", "days")
    if tokens_of(account).exclude(name=SIGNED_IN).count() >= MOST_TOKENS:
        raise BadToken(f"You have {MOST_TOKENS} tokens, which is the maximum. Revoke one first.", "name")
    return issue_token(account, name, frozenset(map(Scope, wanted)), days)


def issue_token(
    account: Account,
    name: str = SIGNED_IN,
    scopes: frozenset[Scope] = EVERYTHING,
    days: int | None = None,
) -> str:
    """A new access token; only its hash is kept. Expired ones are deleted, and sign-in tokens beyond `MOST_TOKENS`."""
    token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        account=account,
        name=name,
        scopes=" ".join(sorted(scopes)),
        digest=_digest(token),
        expires_at=timezone.now() + timedelta(days=days or configuration().token_days),
    )
    _clear(account)
    return token


def tokens_of(account: Account) -> QuerySet[AccessToken]:
    """The tokens that are still valid, the newest first."""
    return AccessToken.objects.filter(account=account, expires_at__gt=timezone.now()).order_by("-id")


def revoke(account: Account, token_id: int) -> None:
    """Revoking a token twice, or another person's token, changes nothing."""
    AccessToken.objects.filter(account=account, id=token_id).delete()


def sign_out_programs(account: Account) -> None:
    """Delete the tokens from sign-ins; a token made on the page stays until it is revoked there."""
    AccessToken.objects.filter(account=account, name=SIGNED_IN).delete()


def holder_of(token: str) -> TokenHolder | None:
    """The holder of `token`, or None if it is unknown or has expired. Its use is recorded once a minute."""
    now = timezone.now()
    for token_id, expires_at, last_used_at, scopes, *person in _known(_digest(token)):
        if expires_at <= now:
            continue
        if last_used_at is None or last_used_at <= now - SEEN_EVERY:
            stale = Q(last_used_at=None) | Q(last_used_at__lte=now - SEEN_EVERY)
            AccessToken.objects.filter(stale, id=token_id).update(last_used_at=now)
        return TokenHolder(Agent.from_db(DEFAULT_DB_ALIAS, _PERSON, person), granted(scopes))
    return None


def _clear(account: Account) -> None:
    mine = AccessToken.objects.filter(account=account)
    signed_in = mine.filter(name=SIGNED_IN).order_by("-id").values_list("id", flat=True)
    over = Q(expires_at__lte=timezone.now())
    if (first_too_many := signed_in[MOST_TOKENS : MOST_TOKENS + 1].first()) is not None:
        over |= Q(name=SIGNED_IN, id__lte=first_too_many)
    mine.filter(over).delete()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
