"""Whom a bot follows and blocks on its owner's behalf: the pub keeps the messages of people it follows, and
of those they follow.
"""

import logging
from enum import StrEnum

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent
from butt.agents.states import State
from butt.invites.kept_connections import kept_connections
from scuttlekit import InvalidFormat, ScuttlebuttError, uri_to_sigil
from scuttlekit.keys import decode_feed_id

log = logging.getLogger("butt.peers")


class Relation(StrEnum):
    """How a bot relates to a feed."""

    FOLLOWS = "follows"
    BLOCKS = "blocks"
    """Blocked people are turned away, and their messages are neither accepted nor passed on."""
    NONE = "none"


_ACTIONS = {
    (Relation.FOLLOWS, Relation.NONE): "unfollow",
    (Relation.BLOCKS, Relation.NONE): "unblock",
}


def relate(person: Agent, bot: Agent, text: str, relation: Relation) -> str:
    """Have the bot follow or block a feed, or neither; returns the feed's id. Repeating it changes nothing.

    `text` is the feed's id, or its SSB URI. Raises `Refused`: `bad_feed`, `wrong_state`, `no_answer`.
    """
    feed = clean_feed(text)
    if feed == bot.progress.ssb_id:
        raise Refused("bad_feed", "This is the bot's own id. It cannot follow or block itself.", "ssbId")
    if (state := effective_state(bot)) is not State.ALIVE:
        raise Refused(
            "wrong_state", f"{bot.name} is #{state}: it can do this only while it is #alive. Start it first."
        )
    before = _relation_to(bot, feed)
    if before is not relation:
        publish_relation(bot, feed, before, relation)
        action = _ACTIONS.get((before, relation)) or {"follows": "follow", "blocks": "block"}[relation]
        journal.note(bot, person, action, feed=feed)
    return feed


def publish_relation(bot: Agent, feed: str, before: Relation, relation: Relation) -> None:
    """Have a bot that is alive publish its new relation to a feed. Raises `Refused` `no_answer`."""
    said: dict[str, object] = {"type": "contact", "contact": feed}
    said["following"] = relation is Relation.FOLLOWS
    if Relation.BLOCKS in (before, relation):
        said["blocking"] = relation is Relation.BLOCKS
    _call(bot, "publish", said)


def _relation_to(bot: Agent, feed: str) -> Relation:
    pair = {"source": bot.progress.ssb_id, "dest": feed}
    if bool(_call(bot, "friends.isFollowing", pair)):
        return Relation.FOLLOWS
    return Relation.BLOCKS if bool(_call(bot, "friends.isBlocking", pair)) else Relation.NONE


def _call(bot: Agent, name: str, argument: object) -> object:
    try:
        return kept_connections.call(bot, name, argument)
    except ScuttlebuttError as error:
        log.warning("%s does not change whom it follows or blocks: %s", bot.name, error)
        raise Refused("no_answer", f"{bot.name} refused: {error}. Please try again.") from None


def clean_feed(text: str) -> str:
    """A feed's id, `@….ed25519`. Raises `Refused` `bad_feed`."""
    text = text.strip()
    try:
        feed = uri_to_sigil(text) if text.lower().startswith("ssb:") else text
        decode_feed_id(feed)
    except InvalidFormat:
        raise Refused(
            "bad_feed", "A feed's id looks like @….ed25519. Apps show it in the person's profile.", "ssbId"
        ) from None
    return feed
