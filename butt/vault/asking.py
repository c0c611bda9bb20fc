"""Asking for a bot back whose data is gone. This only saves the request; the steward's side brings the bot back."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.vault.models import ReturnStep, Vaulted

GONE, BEHIND = 67, 68
"""Exit codes of a pub: its secret is gone though its feed has messages; its log is behind what is known."""

KEY_ELSEWHERE = "The key of the vault is kept elsewhere. Ask the operators of this service to bring it back."


def copy_of(bot: Agent) -> Vaulted | None:
    return Vaulted.objects.filter(bot_id=bot.id).first()


def known_copy_of(bot: Agent) -> Vaulted:
    """Raises `Refused` `no_copy`."""
    if (copy := copy_of(bot)) is None:
        raise _no_copy(bot)
    return copy


def _no_copy(bot: Agent) -> Refused:
    return Refused("no_copy", f"The vault has no copy of {bot.name}.")


def is_lost(copy: Vaulted | None) -> bool:
    return copy is not None and copy.lost_at is not None


def ask_back(actor: Agent | str, bot: Agent) -> None:
    """Ask for the bot to come back from the vault. Raises `Refused`: `wrong_state`, `no_copy`, `held`."""
    copy = copy_of(bot)
    if not configuration().vault or copy is None or not copy.things:
        raise _no_copy(bot)
    if bot.wanted.gone_at is not None:
        raise Refused("wrong_state", f"{bot.name} is #leaving. Restore it first.")
    if copy.back:
        return  # Asked for already: a second click, or a program that did not get the answer.
    if not is_lost(copy):
        raise Refused("wrong_state", f"The data of {bot.name} is not lost: there is nothing to bring back.")
    if not configuration().vault_opens:
        raise Refused("no_key", KEY_ELSEWHERE)
    _ask(bot, actor)


def lost(bot: Agent, code: int) -> None:
    """The pub says that its data is gone: show that on its page, and bring it back if the operators want that automatically."""
    now = timezone.now()
    Vaulted.objects.get_or_create(bot_id=bot.id)
    Vaulted.objects.filter(bot_id=bot.id).update(lost_code=code)
    if Vaulted.objects.filter(bot_id=bot.id, lost_at=None).update(lost_at=now):
        journal.note(bot, "steward", "data lost", sequence=bot.observed.sequence)
    settings = configuration()
    if settings.vault and settings.vault_opens and settings.vault_return == "itself":
        copy = copy_of(bot)
        if copy and copy.things and not copy.back and not copy.back_words:
            _ask(bot, "vault")


def found(bot: Agent) -> None:
    """The bot runs: whatever it had lost is back."""
    Vaulted.objects.filter(bot_id=bot.id, lost_at__isnull=False).update(
        lost_at=None, lost_code=0, back_words=""
    )


def gone(bot: Agent) -> None:
    """The bot is gone for good: from now on its copy is kept for as long as the settings say."""
    Vaulted.objects.filter(bot_id=bot.id).update(gone_at=timezone.now(), back="")


def _ask(bot: Agent, actor: Agent | str) -> None:
    with transaction.atomic():
        if Vaulted.objects.filter(bot_id=bot.id, back="").update(
            back=ReturnStep.ASKED, back_by=journal.id_of(actor), back_words="", ran=bot.wanted.run
        ):
            journal.note(bot, actor, "come back")


def behind_for(copy: Vaulted, now: datetime) -> float:
    """For how many seconds part of its log has not been in the vault, or nobody has checked."""
    unseen = (now - copy.looked_at).total_seconds() if copy.looked_at else 0.0
    late = (now - copy.behind_since).total_seconds() if copy.behind_since else 0.0
    return max(late, unseen if unseen > QUIET else 0.0, 0.0)


QUIET = 180.0
"""Seconds after which a copy that nobody compared counts as behind: a machine compares each at least once a minute."""
