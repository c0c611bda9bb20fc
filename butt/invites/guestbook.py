"""Recording what bots' feeds say of guests: many bots in one go, each use once."""

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Least

from butt.agents.models import Agent
from butt.agents.words import UNSEEN, can_be_seen, one_line, plain
from butt.invites.models import LONGEST_NAME, NOTE, FeedState, Invite, InviteUse


@dataclass(frozen=True, slots=True)
class GuestArrival:
    """Message `sequence` of the bot's feed says that `guest` joined with the invite with this `note`."""

    sequence: int
    guest: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Name:
    """What a guest calls themself, as far as the bot knows."""

    guest: str
    name: str


@dataclass(frozen=True, slots=True)
class GuestActivity:
    """How many messages of a guest the bot has, and when it last heard of them, if it knows that."""

    guest: str
    messages: int
    at: datetime | None


News: TypeAlias = GuestArrival | Name | GuestActivity


def positions(bot_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How far each bot's feed was read and seen to come; bots without any are left out.

    Anything read beyond what was seen is only a program's word, and is read again: otherwise one wrong number
    would hide all later guests.
    """
    rows = FeedState.objects.filter(bot_id__in=bot_ids)
    return dict(rows.annotate(far=Least("sequence", "bot__observed__sequence")).values_list("bot_id", "far"))


@transaction.atomic
def write(batch: Mapping[uuid.UUID, Sequence[News]]) -> None:
    """Write uses and how far was read in one transaction; writing the same again changes nothing."""
    living = set(Agent.objects.filter(id__in=batch).values_list("id", flat=True))
    uses = [(bot_id, item) for bot_id, item in _all(batch, living) if isinstance(item, GuestArrival)]
    guests = [(bot_id, item) for bot_id, item in _all(batch, living) if not isinstance(item, GuestArrival)]
    if uses:
        _note_uses(uses)
        _move_on(uses)
    if guests:
        _note_guests(guests)


def clean_name(text: str) -> str:
    """A stranger's text as one printable line; empty if nothing in it is visible."""
    shown = (c if c.isprintable() or c in UNSEEN else " " for c in plain(text))
    name = one_line("".join(shown))[:LONGEST_NAME]
    return name if can_be_seen(name) else ""


def clean_note(text: str) -> str:
    """A note that may be ours; empty if it cannot be, as with an invite made by other means."""
    return text if re.fullmatch(NOTE, text) else ""


def _all(
    batch: Mapping[uuid.UUID, Sequence[News]], living: set[uuid.UUID]
) -> Iterator[tuple[uuid.UUID, News]]:
    return ((bot_id, item) for bot_id, items in batch.items() if bot_id in living for item in items)


def _note_uses(uses: Sequence[tuple[uuid.UUID, GuestArrival]]) -> None:
    """A note that is not ours belongs to an invite made by other means."""
    found = Invite.objects.filter(
        bot__in={bot_id for bot_id, _ in uses}, note__in={use.note for _, use in uses}
    )
    invites = {(invite.bot_id, invite.note): invite for invite in found}
    known: dict[uuid.UUID, set[int]] = defaultdict(set)
    for invite_id, sequence in InviteUse.objects.filter(invite__in=invites.values()).values_list(
        "invite_id", "sequence"
    ):
        known[invite_id].add(sequence)
    rows = []
    for bot_id, use in uses:
        invite = invites.get((bot_id, use.note))
        if invite is None or use.sequence in known[invite.id] or len(known[invite.id]) >= invite.uses:
            continue
        known[invite.id].add(use.sequence)
        rows.append(InviteUse(invite=invite, sequence=use.sequence, ssb_id=use.guest, at=use.at))
    InviteUse.objects.bulk_create(rows, ignore_conflicts=True)


def _move_on(uses: Sequence[tuple[uuid.UUID, GuestArrival]]) -> None:
    latest: dict[uuid.UUID, int] = {}
    for bot_id, use in uses:
        latest[bot_id] = max(use.sequence, latest.get(bot_id, 0))
    rows = [FeedState(bot_id=bot_id, sequence=sequence) for bot_id, sequence in latest.items()]
    FeedState.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["bot"], update_fields=["sequence"]
    )


def _note_guests(heard: Sequence[tuple[uuid.UUID, Name | GuestActivity]]) -> None:
    newest: dict[tuple[uuid.UUID, str], dict[type, Name | GuestActivity]] = defaultdict(dict)
    for bot_id, item in heard:
        newest[bot_id, item.guest][type(item)] = item
    mine = Q(invite__bot__in={bot_id for bot_id, _ in newest}, ssb_id__in={guest for _, guest in newest})
    changed = []
    for row in InviteUse.objects.filter(mine).select_related("invite"):
        news = newest.get((row.invite.bot_id, row.ssb_id), {})
        before = row.name, row.messages, row.seen_at
        for item in news.values():
            _take(row, item)
        if before != (row.name, row.messages, row.seen_at):
            changed.append(row)
    InviteUse.objects.bulk_update(changed, ["name", "messages", "seen_at"], batch_size=200)


def _take(row: InviteUse, item: Name | GuestActivity) -> None:
    """Copy what was said of a guest into their row."""
    if isinstance(item, Name):
        row.name = item.name
    else:
        row.messages = item.messages
        if item.at is not None and (row.seen_at is None or item.at > row.seen_at):
            row.seen_at = item.at
