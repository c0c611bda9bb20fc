"""Sharing a bot from pages and the API: the rules are elsewhere; this also sends the emails about it."""

import uuid

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from butt.accounts import owners
from butt.accounts.mailing import write_to
from butt.accounts.models import Account, Invitation
from butt.agents.actions import Refused
from butt.agents.models import Agent, Role
from butt.agents.view import View
from butt.billing import takeover
from butt.billing.chosen import billing
from butt.configuration import configuration
from butt.public.letters import is_verified, outside


def invite(inviter: Account, bot: Agent, email: str, role: str) -> None:
    """Ask somebody by email to share `bot` in this role.

    Raises what `owners.invite` raises, and `Refused`: `unverified`, `mail_failed`.
    """
    if not is_verified(inviter):
        raise Refused("unverified", "First open the link in the email we sent you.")
    try:
        _send(owners.invite(inviter.agent, bot, email, role))
    except OSError:
        raise Refused("mail_failed", "The email could not be sent. Please try again.", "email") from None


def set_role(owner: Agent, bot: Agent, person_id: uuid.UUID, role: str) -> None:
    """Make somebody who shares `bot` an owner or a moderator, and tell them. Raises what `takeover.set_role`
    raises.
    """
    before = _share(bot, person_id)
    takeover.set_role(billing(), owner, bot, person_id, role)
    if before and before[1] != role and person_id != owner.id:
        _tell(bot, before[0], f"you are {_named(role)} now", "letters/role.txt", owner, role=role)


def remove(owner: Agent, bot: Agent, person_id: uuid.UUID) -> None:
    """Stop sharing `bot` with a moderator, and tell them. Raises what `owners.remove` raises."""
    before = _share(bot, person_id)
    owners.remove(owner, bot, person_id)
    if before:
        _tell(bot, before[0], "it is no longer shared with you", "letters/removed.txt", owner)


def _share(bot: Agent, person_id: uuid.UUID) -> tuple[str, str] | None:
    """The address and role of somebody who shares a bot."""
    shares = owners.shares_of(bot).filter(target_agent=person_id)
    found: tuple[str, str] | None = shares.values_list("target_agent__account__email", "role").first()
    return found


def _tell(bot: Agent, email: str, subject: str, letter: str, owner: Agent, **more: str) -> None:
    view = View(bot)
    shown = {
        "bot": view,
        "by": owner.account.email,
        "link": f"{configuration().public_url}/bots/{bot.name}",
        **more,
    }
    write_to(
        [email],
        f"{configuration().site_name}: {view.full_name}, {subject}",
        render_to_string(letter, shown),
    )


def _named(role: str) -> str:
    return "an owner" if role == Role.OWNER else "a moderator"


def _send(invitation: Invitation) -> None:
    """The inviter is named by their confirmed address: a name is whatever they typed, and would appear in our
    email.
    """
    bot, inviter = View(invitation.bot), invitation.inviter.account.email
    link = outside("share", owners.key_of(invitation))
    text = render_to_string("letters/join.txt", {"bot": bot, "inviter": inviter, "link": link})
    subject = f"{configuration().site_name}: {bot.full_name} is shared with you"
    EmailMessage(subject, text, to=[invitation.email]).send()
