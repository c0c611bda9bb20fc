"""Whom a bot follows and blocks, according to its pub: in pages, since there may be many thousands.

None of this is a row here. The pub knows it, is asked for one page at a time, and is trusted no more than
necessary.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent
from butt.agents.states import State
from butt.agents.words import one_line, storable
from butt.invites.kept_connections import kept_connections
from butt.invites.models import LONGEST_NAME, Invite
from butt.peers.aliases import is_alias
from butt.peers.following import Relation, clean_feed, publish_relation
from scuttlekit import RemoteError, ScuttlebuttError

log = logging.getLogger("butt.peers")

PAGE = 50
MOST_AT_ONCE = 100
"""The most that a pub gives in one answer."""
LONGEST_SEARCH = 200
MOST = 10**9
MOST_ALIASES = 20
SORTS = ("since", "name", "seen", "messages", "bytes", "blobBytes")
SHOWN = (Relation.FOLLOWS, Relation.BLOCKS)

_LARGEST = 2**53
_LATEST = 253_402_300_799_000
"""The last millisecond of the year 9999."""


@dataclass(frozen=True)
class BotMember:
    """Somebody whom the bot follows or blocks, or once did. Sizes in bytes."""

    ssb_id: str
    name: str
    relation: Relation
    since: datetime | None
    invite: Invite | None
    """Our invite by which they came."""
    last_seen: datetime | None
    is_here: bool
    messages: int
    size: int
    blob_size: int
    aliases: tuple[str, ...] = ()
    """Their names in the bot's room."""


@dataclass(frozen=True)
class Page:
    """Some members; `after` is how many come before them, `total` how many there are."""

    members: list[BotMember]
    total: int
    after: int
    counts: Mapping[Relation, int]

    @property
    def next(self) -> int | None:
        """The value of `after` for the next page."""
        following = self.after + len(self.members)
        return following if self.members and following < self.total else None


def find(
    bot: Agent,
    *,
    text: str = "",
    sort: str = "-since",
    relations: Sequence[Relation] = SHOWN,
    invite: Invite | None = None,
    after: int = 0,
    limit: int = PAGE,
) -> Page:
    """A page of its members. `sort` is one of `SORTS`, with a `-` before it for descending order.

    Raises `Refused`: `bad_search`, `wrong_state`, `no_answer`.
    """
    if sort.removeprefix("-") not in SORTS:
        raise Refused("bad_search", f"Members are sorted by {', '.join(SORTS)}.", "sort")
    if not 0 <= after <= MOST:
        raise Refused("bad_search", "Set “after” to the “next” of the previous answer.", "after")
    if len(text) > LONGEST_SEARCH or storable(text) != text:
        raise Refused("bad_search", f"Search for at most {LONGEST_SEARCH} characters.", "q")
    asked: dict[str, Any] = {
        "relations": [str(relation) for relation in relations],
        "q": _sigil(text.strip()),
        "sort": sort.removeprefix("-"),
        "descending": sort.startswith("-"),
        "after": after,
        "limit": min(limit, MOST_AT_ONCE),
    }
    if invite is not None:
        asked["note"] = invite.note
    return read_page(bot, _answer(bot, asked), after, asked["limit"])


def one(bot: Agent, ssb_id: str) -> BotMember | None:
    """The member with this id. Raises `Refused`: `wrong_state`, `no_answer`."""
    found = find(bot, text=ssb_id, relations=tuple(Relation), limit=1)
    return next((member for member in found.members if member.ssb_id == ssb_id), None)


def unfollow_who_came_by(person: Agent, bot: Agent, invite_id: uuid.UUID) -> int:
    """Unfollow everybody who came in by this invite, and return how many they were. Repeating it changes
    nothing.

    Raises `Invite.DoesNotExist`; `Refused`: `wrong_state`, `no_answer`.
    """
    invite = Invite.objects.exclude(offered_at=None).get(id=invite_id, bot=bot)
    gone: set[str] = set()
    while True:
        page = find(bot, relations=(Relation.FOLLOWS,), invite=invite, limit=MOST_AT_ONCE)
        left = [member for member in page.members if member.ssb_id not in gone]
        if not left:
            return len(gone)
        for member in left:
            publish_relation(bot, member.ssb_id, Relation.FOLLOWS, Relation.NONE)
            journal.note(bot, person, "unfollow", feed=member.ssb_id)
            gone.add(member.ssb_id)


def _sigil(text: str) -> str:
    """The feed id for an SSB URI, as the pub knows feeds by id; any other text unchanged."""
    if not text.lower().startswith("ssb:"):
        return text
    try:
        return clean_feed(text)
    except Refused:
        return text


def _answer(bot: Agent, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if (state := effective_state(bot)) is not State.ALIVE:
        raise Refused("wrong_state", f"{bot.name} is #{state}: it lists its members only while it is #alive.")
    try:
        answer = kept_connections.call(bot, "butt.members", asked)
    except RemoteError as error:
        if error.is_not_allowed:
            raise Refused(
                "wrong_state", f"{bot.name} runs code that cannot list its members. Upgrade it."
            ) from None
        raise _no_answer(bot, error) from None
    except ScuttlebuttError as error:
        raise _no_answer(bot, error) from None
    return answer if isinstance(answer, dict) else {}


def _no_answer(bot: Agent, error: Exception) -> Refused:
    log.warning("%s did not list its members: %s", bot.name, error)
    return Refused("no_answer", f"{bot.name} is not answering. Please try again in a moment.")


def read_page(bot: Agent, answer: Mapping[str, Any], after: int, most: int) -> Page:
    """A pub's answer, with at most this many members. What makes no sense is left out."""
    said = answer.get("members")
    rows = [row for row in (said if isinstance(said, list) else [])[:most] if isinstance(row, dict)]
    notes = {row["note"] for row in rows if isinstance(row.get("note"), str)}
    invites = {invite.note: invite for invite in Invite.objects.filter(bot=bot, note__in=notes)}
    members = [member for row in rows if (member := _member(row, invites)) is not None]
    counts = answer.get("counts")
    counts = counts if isinstance(counts, dict) else {}
    return Page(
        members, _count(answer.get("total")), after, {each: _count(counts.get(each)) for each in Relation}
    )


def _member(row: Mapping[str, Any], invites: Mapping[str, Invite]) -> BotMember | None:
    """A pub's entry for a member; None if it makes no sense."""
    try:
        ssb_id, relation = clean_feed(str(row.get("id"))), Relation(str(row.get("relation")))
    except (Refused, ValueError):
        return None
    name, note = row.get("name"), row.get("note")
    return BotMember(
        ssb_id=ssb_id,
        name=one_line(storable(name))[:LONGEST_NAME] if isinstance(name, str) else "",
        relation=relation,
        since=_time(row.get("since")),
        invite=invites.get(note) if isinstance(note, str) else None,
        last_seen=_time(row.get("seen")),
        is_here=row.get("here") is True,
        messages=_count(row.get("messages")),
        size=_count(row.get("bytes")),
        blob_size=_count(row.get("blobBytes")),
        aliases=_aliases(row.get("aliases")),
    )


def _aliases(said: object) -> tuple[str, ...]:
    names = said[:MOST_ALIASES] if isinstance(said, list) else []
    return tuple(name for name in names if isinstance(name, str) and is_alias(name))


def _count(value: object) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, int) and is_count and 0 <= value <= _LARGEST else 0


def _time(value: object) -> datetime | None:
    count = _count(value)
    return datetime.fromtimestamp(count / 1000, UTC) if 0 < count <= _LATEST else None
