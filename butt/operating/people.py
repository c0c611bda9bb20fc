"""What operators do to a person. `actor` is the operator's agent, or the name of the user who ran the
command.
"""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.accounts.owners import settle
from butt.agents import journal
from butt.agents.bots import bots_of
from butt.agents.models import Agent, Allowance
from butt.configuration import configuration
from butt.operating import NotDone

Actor = Agent | str
MOST_ALLOWED = 10_000
HERE = "whoever installed the service"


def suspend(actor: Actor, account: Account, reason: str) -> None:
    """Close the account: nobody can sign in to it, its tokens stop working, its bots stop and their pages are
    hidden.

    A bot that somebody else has a share in keeps running. Raises `NotDone` for one's own account.
    """
    if isinstance(actor, Agent) and actor.id == account.agent_id:
        raise NotDone("This is your own account. Ask another operator.")
    _set_active(actor, account, reason, active=False)


def reinstate(actor: Actor, account: Account, reason: str) -> None:
    """Open the account again; its bots run again if they were wanted running."""
    _set_active(actor, account, reason, active=True)


def allow(actor: Actor, account: Account, reason: str, bots: str) -> None:
    """Set how many bots the person may have, in place of the usual number. Raises `NotDone`."""
    if not (bots.isascii() and bots.isdigit() and int(bots) <= MOST_ALLOWED):
        raise NotDone(f"Give how many bots they may have, a number up to {MOST_ALLOWED}.")
    with transaction.atomic():
        Allowance.objects.update_or_create(person=account.agent, defaults={"bots": int(bots)})
        journal.note(account.agent, actor, "bots allowed", bots=int(bots), reason=reason)


def make_staff(actor: Actor, account: Account, reason: str) -> None:
    """Let the person use the console. Raises `NotDone` for an account that is suspended."""
    if not account.is_active:
        raise NotDone("This account is suspended. Reinstate it first.")
    _set_staff(actor, account, reason, staff=True)


def make_first(address: str) -> None:
    """If nobody may use the console yet, let this person. Without an account they get one, and choose its
    password by a link.

    Raises `NotDone` if this is not an email address.
    """
    if operators().exists():
        return
    address = address.lower()
    try:
        validate_email(address)
    except ValidationError:
        raise NotDone(f"{address} is not an email address.") from None
    with transaction.atomic():
        found = Account.objects.filter(email=address).first()
        make_staff(HERE, found or Account.objects.create_superuser(address, None), "the first operator")


def operators() -> QuerySet[Account]:
    """The people who may use the console."""
    return Account.objects.filter(is_staff=True, is_active=True)


def end_staff(actor: Actor, account: Account, reason: str) -> None:
    """Take the console away from the person. Raises `NotDone` for the last person who may use it."""
    if not operators().exclude(id=account.id).exists():
        raise NotDone("Nobody else may use the console. Make somebody else staff first.")
    _set_staff(actor, account, reason, staff=False)


def reset_factors(actor: Actor, account: Account, reason: str) -> None:
    """Remove every second factor and end all sessions, for somebody who lost theirs and proved who they are.

    The reason says how they proved it. They get an email, so that somebody who did not ask for it learns of
    it.
    """
    with transaction.atomic():
        removed, _ = Authenticator.objects.filter(user=account).delete()
        if not removed:
            raise NotDone("This account has no second factor, so there is nothing to remove.")
        for session in UserSession.objects.filter(user=account):
            session.end()
        journal.note(account.agent, actor, "second factor reset", reason=reason)
    site = configuration().site_name
    write_to(
        [account.email],
        "Your second factor was removed",
        f"The operators of {site} removed the second factor from your account, because somebody said that it was lost and proved that "
        f"they are you. You are signed out everywhere.\n\nIf that was not you, sign in now, choose a new password and "
        f"write to us.\n",
    )


def _set_active(actor: Actor, account: Account, reason: str, *, active: bool) -> None:
    with transaction.atomic():
        if not Account.objects.filter(id=account.id).exclude(is_active=active).update(is_active=active):
            raise NotDone("This account is open." if active else "This account is already suspended.")
        settle(bots_of(account.agent).values_list("id", flat=True))
        journal.note(account.agent, actor, "reinstated" if active else "suspended", reason=reason)


def _set_staff(actor: Actor, account: Account, reason: str, *, staff: bool) -> None:
    with transaction.atomic():
        Account.objects.filter(id=account.id).update(is_staff=staff, is_superuser=staff)
        journal.note(account.agent, actor, "made staff" if staff else "staff no more", reason=reason)
