"""Sharing a bot: it may belong to several people, each an owner or a moderator, and always has at least one owner."""

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from butt.accounts.entry import NoEntry, check_email
from butt.accounts.models import Account, Invitation
from butt.accounts.postage import pay_for_invitation
from butt.agents import journal
from butt.agents.actions import Refused, check_may_have_another
from butt.agents.bots import NotAnOwner, bots, bots_of, ownerships
from butt.agents.models import Agent, Belongs, Role, Wanted
from butt.agents.wake import wake_steward
from butt.limits.counts import TooOften
from butt.limits.table import PERSON_INVITATIONS, RECIPIENT_INVITATIONS

INVITED_FOR = timedelta(days=7)
MOST_PEOPLE = 20
_signer = signing.TimestampSigner(salt="a bot is shared")


def owners_of(bot: Agent) -> QuerySet[Account]:
    """The owners of a bot, the earliest first."""
    return (
        Account.objects.filter(agent__belongings__source_agent=bot, agent__belongings__role=Role.OWNER)
        .select_related("agent")
        .order_by("agent__belongings__id")
    )


def shares_of(bot: Agent) -> QuerySet[Belongs]:
    """Everybody who shares a bot, with their role; the earliest first."""
    shares = Belongs.objects.filter(source_agent=bot).select_related("target_agent__account")
    return shares.order_by("id")


def invited_to(bot: Agent) -> QuerySet[Invitation]:
    """The open invitations of people who have not joined yet."""
    return Invitation.objects.filter(bot=bot, expires_at__gt=timezone.now()).order_by("created_at")


def invite(person: Agent, bot: Agent, email: str, role: str = Role.OWNER) -> Invitation:
    """Ask somebody to share `bot` in this role; asking again extends the invitation. Raises `Refused`.

    Each counts against the emails that the person may have sent in a day, even if it is withdrawn later.
    """
    email = email.strip().lower()
    try:
        check_email(email)
    except NoEntry:
        raise Refused("bad_email", "We cannot send email to this address.", "email") from None
    role = _clean_role(role)
    with transaction.atomic():
        Agent.objects.select_for_update().get(id=bot.id)
        if shares_of(bot).filter(target_agent__account__email=email).exists():
            raise Refused("shared", f"{bot.name} already belongs to them.", "email")
        others = invited_to(bot).exclude(email=email)
        if shares_of(bot).count() + others.count() >= MOST_PEOPLE:
            raise Refused("too_many", f"A bot can belong to at most {MOST_PEOPLE} people.", "email")
        try:
            pay_for_invitation(str(person.id), email)
        except TooOften as slow:
            raise _too_many_mails(slow) from None
        invitation, _ = Invitation.objects.update_or_create(
            bot=bot,
            email=email,
            defaults={"inviter": person, "role": role, "expires_at": timezone.now() + INVITED_FOR},
        )
        journal.note(bot, person, "invite a person", role=role)
    return invitation


def _clean_role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Refused("bad_role", f"A role is {' or '.join(Role)}.", "role") from None


def _too_many_mails(slow: TooOften) -> Refused:
    if slow.limit is PERSON_INVITATIONS:
        message = f"You can invite {slow.limit.most} people a day. Please continue tomorrow."
    elif slow.limit is RECIPIENT_INVITATIONS:
        message = "This address was invited several times today. Please try again tomorrow."
    else:
        message = "Too many emails are being sent at the moment. Please try again in an hour."
    return Refused("too_many_mails", message, "email")


def key_of(invitation: Invitation) -> str:
    """The signed key in the email's link. It names the bot too, as the invitation is deleted once it is used."""
    return _signer.sign(f"{invitation.id}.{invitation.bot_id}")


def invitation_with(key: str) -> Invitation:
    """Raises `Refused` `no_invitation` for a key that is forged, used, withdrawn or too old."""
    try:
        number, _ = _told_by(key)
        invitation = Invitation.objects.select_related("bot", "inviter__account").get(
            id=int(number), expires_at__gt=timezone.now()
        )
    except (signing.BadSignature, ValueError, Invitation.DoesNotExist):
        raise Refused(
            "no_invitation", "This invitation has been used or has expired. Ask for a new one."
        ) from None
    return invitation


def joined_by(person: Agent, key: str) -> Agent | None:
    """The bot that a used link led to, if it belongs to `person`: they clicked the link twice."""
    try:
        _, bot_id = _told_by(key)
    except signing.BadSignature:
        return None
    return bots_of(person).filter(id=bot_id).first() if bot_id else None


def accept(person: Agent, key: str) -> Agent:
    """Make the bot belong to `person` too, and return it. Raises `Refused`: `no_invitation`, `too_many`."""
    with transaction.atomic():
        Agent.objects.select_for_update().get(id=person.id)
        invitation = invitation_with(key)
        bot = invitation.bot
        is_new = not Belongs.objects.filter(source_agent=bot, target_agent=person).exists()
        if is_new and invitation.role == Role.OWNER:
            check_may_have_another(person)
        if not Invitation.objects.filter(id=invitation.id).delete()[0]:
            raise Refused("no_invitation", "This invitation has been used or has expired. Ask for a new one.")
        Belongs.objects.get_or_create(
            source_agent=bot, target_agent=person, defaults={"role": invitation.role}
        )
        journal.note(bot, person, "join")
        settle([bot.id])
    return bot


def withdraw(person: Agent, bot: Agent, invitation_id: int) -> None:
    """Withdraw an invitation; its link then no longer works."""
    if Invitation.objects.filter(bot=bot, id=invitation_id).delete()[0]:
        journal.note(bot, person, "uninvite a person")


def leave(person: Agent, bot: Agent) -> None:
    """Give up one's share. Raises `Refused` `last_owner`: at least one owner has to stay."""
    with transaction.atomic():
        Agent.objects.select_for_update().get(id=bot.id)
        if list(ownerships().filter(source_agent=bot).values_list("target_agent", flat=True)) == [person.id]:
            raise Refused("last_owner", "You are its last owner. You can delete it instead.")
        if Belongs.objects.filter(source_agent=bot, target_agent=person).delete()[0]:
            journal.note(bot, person, "leave")
            settle([bot.id])


def set_role(
    owner: Agent, bot: Agent, person_id: uuid.UUID, role: str, check: Callable[[Role], None] = lambda _: None
) -> None:
    """Make somebody who shares `bot` an owner or a moderator.

    `check` may refuse the role before anything is changed: whether they pay is not known here
    (`butt.billing.takeover.set_role`). Raises `Refused`: `bad_role`, `last_owner`, `too_many`; `NotAnOwner`; and
    `Agent.DoesNotExist` if the person does not share it.
    """
    wished = _clean_role(role)
    with transaction.atomic():
        share = _share_for(owner, bot, person_id)
        if share.role == wished:
            return
        check(wished)
        if wished is Role.OWNER:
            _check_may_own_another(share.target_agent)
        else:
            if not ownerships().filter(source_agent=bot).exclude(id=share.id).exists():
                raise Refused(
                    "last_owner", "A bot needs at least one owner. Make somebody else an owner first."
                )
            share.pays = False
            Invitation.objects.filter(bot=bot, inviter=person_id).delete()
        share.role = wished
        share.save(update_fields=["role", "pays"])
        journal.note(bot, owner, "role", person=str(person_id), role=wished)
        settle([bot.id])


def _check_may_own_another(person: Agent) -> None:
    try:
        check_may_have_another(person)
    except Refused:
        raise Refused(
            "too_many", "They have as many bots as one person may have. They can delete one first.", "role"
        ) from None


def remove(owner: Agent, bot: Agent, person_id: uuid.UUID) -> None:
    """Stop sharing `bot` with a moderator. Raises `Refused` `is_owner`; `NotAnOwner`, and
    `Agent.DoesNotExist` as above.
    """
    with transaction.atomic():
        share = _share_for(owner, bot, person_id)
        if share.role == Role.OWNER:
            raise Refused("is_owner", "You cannot remove an owner. Make them a moderator first.")
        share.delete()
        journal.note(bot, owner, "remove a person", person=str(person_id))


def _share_for(owner: Agent, bot: Agent, person_id: uuid.UUID) -> Belongs:
    """One person's share, for an owner who changes it, locked against other changes."""
    Agent.objects.select_for_update().get(id=bot.id)
    if not ownerships().filter(source_agent=bot, target_agent=owner).exists():
        raise NotAnOwner
    share = Belongs.objects.filter(source_agent=bot, target_agent=person_id).first()
    if share is None:
        raise Agent.DoesNotExist
    return share


def settle(bot_ids: Iterable[uuid.UUID]) -> None:
    """Stop these bots while none of their owners has an open account, and let them run again when one has."""
    for bot in bots().filter(id__in=list(bot_ids)):
        people = list(owners_of(bot).values_list("is_active", flat=True))
        suspended = bool(people) and not any(people)
        if Wanted.objects.filter(bot=bot).exclude(suspended=suspended).update(suspended=suspended):
            wake_steward(bot.id)


def _told_by(key: str) -> tuple[str, str]:
    """The ids of an invitation and of its bot. Raises `BadSignature` for a key that is forged or too old."""
    number, _, bot_id = _signer.unsign(key, max_age=INVITED_FOR).partition(".")
    return number, bot_id
