"""Making and revoking invites. What cannot be granted raises `Refused`, with words for the person.

The service makes the code itself and only tells the pub its key. So the row exists, with its code, before the
pub hears of it, and telling it twice does nothing. If killed at any moment, no invite is unknown to us and
none exists twice. A row that the pub did not confirm is shown to nobody, and the monitor withdraws it.
"""

import logging
import os
import uuid
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent
from butt.agents.prepared import Prepared, PreparedUpdate
from butt.agents.states import State
from butt.agents.words import can_be_seen, one_line
from butt.configuration import configuration
from butt.invites.kept_connections import kept_connections
from butt.invites.models import LONGEST_NAME, MOST_USES, Invite
from scuttlekit import KeyPair, ScuttlebuttError

log = logging.getLogger("butt.invites")

LONGEST_TERM = timedelta(days=3660)
_kept = Prepared(
    lambda bot: (
        Invite.objects.filter(bot_id=bot, revoked_at=None)
        .values("bot_id")
        .annotate(count=Count("id"))
        .values_list("count")
    ),
    uuid.UUID(int=1),
)
_offered = PreparedUpdate(
    lambda invite, at: Invite.objects.filter(id=invite, offered_at=None, revoked_at=None),  # noqa: ARG005
    lambda invite, at: {"offered_at": at},  # noqa: ARG005
    uuid.UUID(int=1),
    datetime(2000, 1, 1, tzinfo=UTC),
)


def create(
    person: Agent | str,
    bot: Agent,
    name: str,
    *,
    uses: int = 1,
    expires_at: datetime | None = None,
    key: uuid.UUID | None = None,
    opened_on: date | None = None,
) -> Invite:
    """A new invite that the bot's pub has accepted, or the existing one with this `key`.

    Raises `Refused`: `bad_name`, `bad_uses`, `bad_expiry`, `bad_key`, `wrong_state`, `too_many`, `no_answer`.
    """
    invite = _asked_for(bot, key) if key else None
    if invite is None:
        name = _clean_name(name)
        _check_bounds(uses, expires_at)
        if (state := effective_state(bot)) is not State.ALIVE:
            raise Refused(
                "wrong_state", f"{bot.name} is #{state}. You can make invites only while it is #alive."
            )
        invite = _draft(bot, name, uses, expires_at, key, opened_on)
    if invite.offered_at is not None:
        return invite
    # A second request made meanwhile does the same, which does no harm.
    try:
        kept_connections.call(bot, "butt.offer", offer_of(invite))
    except ScuttlebuttError as error:
        log.warning("%s did not accept an invite: %s", bot.name, error)
        given_up = {"revoked_at": timezone.now(), "key": None}
        Invite.objects.filter(id=invite.id, offered_at=None).update(**given_up)
        return _made_meanwhile(bot, invite)
    invite.offered_at = timezone.now()
    if not _offered(invite.id, invite.offered_at):
        return _made_meanwhile(bot, invite)
    journal.note(bot, person, "invite", invite=str(invite.id))
    return invite


def revoke(person: Agent, bot: Agent, invite_id: uuid.UUID) -> None:
    """Revoke an invite: at once if the pub answers, otherwise before it lets anybody in again.

    Raises `Invite.DoesNotExist`.
    """
    invite = Invite.objects.exclude(offered_at=None).get(id=invite_id, bot=bot)
    if not Invite.objects.filter(id=invite.id, revoked_at=None).update(revoked_at=timezone.now()):
        return
    journal.note(bot, person, "revoke", invite=str(invite.id))
    if effective_state(bot) is State.ALIVE:
        try:
            kept_connections.call(bot, "butt.revoke", invite.code_id)
        except ScuttlebuttError as error:
            log.warning(
                "%s could not be told about a revocation; the monitor will do it: %s", bot.name, error
            )
        else:
            Invite.objects.filter(id=invite.id).update(withdrawn_at=timezone.now())


def _has_room(bot: Agent, most: int) -> bool:
    """Whether fewer than `most` can still be used. Usually there are fewer rows at all, which is quick to see."""
    if all(count < most for (count,) in _kept(bot.id)):
        return True
    mine = Invite.objects.filter(bot_id=bot.id, revoked_at=None)
    lasting = mine.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    return lasting.annotate(times=Count("used")).filter(times__lt=F("uses")).count() < most


def _asked_for(bot: Agent, key: uuid.UUID) -> Invite | None:
    found = Invite.objects.filter(key=key).first()
    if found and found.bot_id != bot.id:
        raise Refused(
            "bad_key",
            "This idempotency key was used for something else. Please send the request again with a new key.",
            "Idempotency-Key",
        )
    return found


def _made_meanwhile(bot: Agent, invite: Invite) -> Invite:
    """The invite made by another request with the same key at the same time."""
    made = Invite.objects.filter(id=invite.id, revoked_at=None).exclude(offered_at=None).first()
    if made is None:
        raise _no_answer(bot)
    return made


def _draft(
    bot: Agent,
    name: str,
    uses: int,
    expires_at: datetime | None,
    key: uuid.UUID | None,
    opened_on: date | None,
) -> Invite:
    # Two requests at the same moment may both find room for one: it is a bound, not a price.
    most = configuration().invites_per_bot
    if not _has_room(bot, most):
        raise Refused(
            "too_many", f"{bot.name} has {most} open invites, which is the maximum. Revoke some first."
        )
    keys = KeyPair(os.urandom(32))
    drafted = Invite(
        bot_id=bot.id,
        name=name,
        uses=uses,
        expires_at=expires_at,
        seed=keys.secret[:32],
        code_id=keys.id,
        created_at=timezone.now(),
        key=key,
        opened_on=opened_on,
    )
    if key is None:
        drafted.save(force_insert=True)
        return drafted
    try:
        with transaction.atomic():
            drafted.save(force_insert=True)
    except IntegrityError:
        # Another request with the same key came first at the same moment, or has given up by now.
        if (first := _asked_for(bot, key)) is None:
            raise _no_answer(bot) from None
        return first
    return drafted


def offer_of(invite: Invite) -> dict[str, object]:
    """The argument for the pub's `butt.offer`."""
    expires = None if invite.expires_at is None else int(invite.expires_at.timestamp() * 1000)
    return {"id": invite.code_id, "uses": invite.uses, "note": invite.note, "expires": expires}


def _clean_name(text: str) -> str:
    name = one_line(text)
    if not name:
        raise Refused(
            "bad_name", "Give the invite a name, such as the person it is for. Only you see it.", "name"
        )
    if len(name) > LONGEST_NAME:
        raise Refused(
            "bad_name", f"The name of an invite can have at most {LONGEST_NAME} characters.", "name"
        )
    if not can_be_seen(name):
        raise Refused("bad_name", "The name of an invite cannot contain invisible characters.", "name")
    return name


def _check_bounds(uses: int, expires_at: datetime | None) -> None:
    if not 1 <= uses <= MOST_USES:
        raise Refused("bad_uses", f"An invite can be used 1 to {MOST_USES} times.", "uses")
    if expires_at is not None and not timezone.now() < expires_at < timezone.now() + LONGEST_TERM:
        raise Refused("bad_expiry", "An invite must expire within the next ten years.", "expiresAt")


def _no_answer(bot: Agent) -> Refused:
    return Refused("no_answer", f"{bot.name} is not answering. No invite was made. Please try again.")
