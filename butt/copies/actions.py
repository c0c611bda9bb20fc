"""What an owner can ask for their own copies: choose their place, make one now, and make no more."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.copies.models import OwnCopy
from butt.copies.places import check


@dataclass(frozen=True)
class CopyPlace:
    """As a person enters it. With an empty `secret`, the known one of the same place is kept."""

    kind: str
    url: str
    key: str
    bucket: str = ""
    region: str = ""
    user: str = ""
    secret: str = ""
    nightly: bool = True


def own_copy_of(bot: Agent) -> OwnCopy | None:
    return OwnCopy.objects.filter(bot=bot).first()


def chosen_copy_of(bot: Agent) -> OwnCopy:
    """Raises `Refused` `no_copy` if no place was chosen."""
    if (row := own_copy_of(bot)) is None:
        raise Refused("no_copy", "Choose a place first.")
    return row


def choose(person: Agent, bot: Agent, place: CopyPlace) -> OwnCopy:
    """Send copies of the bot there from now on, the first at once.

    Raises `Refused`: `bad_place`, `bad_recipient`, `wrong_state`.
    """
    known = own_copy_of(bot)
    if bot.wanted.gone_at is not None:
        raise Refused("wrong_state", f"{bot.name} is #leaving and cannot be changed. Restore it first.")
    secret = place.secret
    if not secret and known and (known.kind, known.url, known.user) == (place.kind, place.url, place.user):
        secret = known.secret
    row = OwnCopy(
        bot=bot,
        kind=place.kind,
        url=place.url.strip().rstrip("/"),
        bucket=place.bucket.strip(),
        region=place.region.strip(),
        user=place.user.strip(),
        secret=secret.strip(),
        key=place.key.strip(),
        nightly=place.nightly,
        person=person,
        due_at=timezone.now(),
    )
    check(row)
    with transaction.atomic():
        OwnCopy.objects.filter(bot=bot).delete()
        row.save(force_insert=True)
        journal.note(bot, person, "own copy", to=row.url, nightly=row.nightly)
    return row


def ask_now(person: Agent, bot: Agent) -> OwnCopy:
    """Make a copy now. Raises `Refused` `no_copy`."""
    row = chosen_copy_of(bot)
    OwnCopy.objects.filter(bot=bot).update(due_at=timezone.now())
    journal.note(bot, person, "own copy now")
    return row


def end(person: Agent, bot: Agent) -> None:
    """Make no more copies. Existing copies stay where they are."""
    if OwnCopy.objects.filter(bot=bot).delete()[0]:
        journal.note(bot, person, "own copy ended")
