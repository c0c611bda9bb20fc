"""SSB ids that open accounts, as passkeys do.

An id is proven through a bot's pub. Whoever has that bot's keys could make an app that signs in through it open
another browser, so an id opens an account only through a bot that belongs to nobody else.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

import uuid
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from butt.accounts.models import Account, SignOut, SsbId
from butt.agents import journal
from butt.agents.bots import bots_of, ownerships
from butt.agents.models import Agent

MOST_IDS = 10
MOST_SIGN_OUTS = 1000
"""The most ids for which sign-outs are kept for each bot. Our pub keeps as many."""

OPENED_BY = "opened_by_ssb_id"
"""The session key for `[bot id, SSB id]`, in a session that such an id opened."""


class NotAdded(Exception):
    """Why an SSB id cannot be added to an account, in words for the person."""


def ids_of(account: Account) -> QuerySet[SsbId]:
    return SsbId.objects.filter(account=account).select_related("bot").order_by("id")


def bots_to_prove_over(account: Account) -> QuerySet[Agent]:
    """The bots of which this person is the only owner."""
    others = ownerships().exclude(target_agent=account.agent_id).values("source_agent")
    mine = ownerships().filter(target_agent=account.agent_id).values("source_agent")
    return bots_of(account.agent).filter(id__in=mine).exclude(id__in=others)


def check_may_add(account: Account, bot: Agent, *, is_new: bool = True) -> None:
    """Raises `NotAdded`."""
    if not _belongs_to_nobody_else(bot, account):
        raise NotAdded(f"{bot.name} has another owner as well. Choose a bot that is yours alone.")
    if is_new and ids_of(account).count() >= MOST_IDS:
        raise NotAdded(f"An account can have at most {MOST_IDS} SSB ids. Remove one first.")


def add(account: Account, bot: Agent, ssb_id: str) -> SsbId:
    """Let this id open the account from now on; it has just been proven through `bot`. Repeating it changes
    nothing.

    Raises `NotAdded`.
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(id=account.id)
        found = SsbId.objects.filter(ssb_id=ssb_id).first()
        if found and found.account_id != account.id:
            raise _taken()
        if found and found.bot_id == bot.id:
            return found
        check_may_add(account, bot, is_new=found is None)
        try:
            with transaction.atomic():
                row, _ = SsbId.objects.update_or_create(
                    ssb_id=ssb_id, defaults={"account": account, "bot": bot}
                )
        except IntegrityError:
            raise _taken() from None
        journal.note(bot, account.agent, "add an SSB id", feed=ssb_id)
    return row


def remove(account: Account, number: int) -> SsbId | None:
    """Stop an id from opening the account. Returns None if there is no such id, or it is another's."""
    row = ids_of(account).filter(id=number).first()
    if row is not None:
        row.delete()
        journal.note(row.bot, account.agent, "remove an SSB id", feed=row.ssb_id)
    return row


def account_opened_by(bot: Agent, ssb_id: str) -> Account | None:
    """The account that this id opens, if it was proven through `bot`."""
    row = SsbId.objects.filter(ssb_id=ssb_id, bot=bot).select_related("account").first()
    if row is None or not _belongs_to_nobody_else(bot, row.account):
        return None
    SsbId.objects.filter(id=row.id).update(last_used_at=timezone.now())
    return row.account


def note_sign_out(bot_id: uuid.UUID, ssb_id: str, told_at: int, now: datetime) -> None:
    """End all sessions that this id opened through this bot. Hearing of the same sign-out again changes nothing."""
    known = SignOut.objects.filter(bot_id=bot_id, ssb_id=ssb_id)
    # A pub reports all sign-outs it keeps whenever a monitor starts to listen.
    if known.filter(told=told_at).exists():
        return
    with transaction.atomic():
        if not Agent.objects.filter(id=bot_id).exists():
            return
        if not known.exists():
            of_bot = SignOut.objects.filter(bot_id=bot_id).order_by("-at", "-id")
            SignOut.objects.filter(
                id__in=list(of_bot.values_list("id", flat=True)[MOST_SIGN_OUTS - 1 :])
            ).delete()
        SignOut.objects.update_or_create(bot_id=bot_id, ssb_id=ssb_id, defaults={"told": told_at, "at": now})
        for row in SsbId.objects.filter(bot_id=bot_id, ssb_id=ssb_id).select_related("account"):
            _end_sessions(row)


def has_signed_out(bot: Agent, ssb_id: str, since: datetime) -> bool:
    """Whether this id asked to be signed out of the bot after `since`."""
    return SignOut.objects.filter(bot=bot, ssb_id=ssb_id, at__gte=since).exists()


def _end_sessions(row: SsbId) -> None:
    theirs = UserSession.objects.filter(user=row.account)
    opened = [str(row.bot_id), row.ssb_id]
    for session in Session.objects.filter(session_key__in=theirs.values("session_key")):
        if session.get_decoded().get(OPENED_BY) == opened:
            theirs.filter(session_key=session.session_key).delete()
            session.delete()


def _taken() -> NotAdded:
    return NotAdded("This SSB id already signs in to another account. Remove it there first.")


def _belongs_to_nobody_else(bot: Agent, account: Account) -> bool:
    return bots_to_prove_over(account).filter(id=bot.id).exists()
