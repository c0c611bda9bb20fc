"""Whom a bot follows because its owner says so: the pub keeps their messages, and those of whom they follow."""

import logging
from enum import StrEnum

from butt.agents import journal
from butt.agents.models import Agent
from butt.agents.standing import standing
from butt.agents.states import State
from butt.agents.wishes import Refused
from butt.invites.kept_connections import kept_connections
from scuttlekit import InvalidFormat, ScuttlebuttError, uri_to_sigil
from scuttlekit.keys import decode_feed_id

log = logging.getLogger("butt.peers")


class Relation(StrEnum):
    FOLLOWS = "follows"
    NONE = "none"


def relate(person: Agent, bot: Agent, text: str, relation: Relation) -> str:
    """Have the bot follow a feed, or follow it no more; gives the feed's id. To ask again changes nothing.

    `text` is the feed's id, or its SSB URI. Raises `Refused`: `bad_feed`, `wrong_state`, `no_answer`.
    """
    feed = clean_feed(text)
    if feed == bot.progress.ssb_id:
        raise Refused("bad_feed", "That is the bot's own id: nobody follows themself.", "ssbId")
    if (state := standing(bot)) is not State.ALIVE:
        raise Refused("wrong_state", f"{bot.name} is #{state}: it can follow only while it is #alive.")
    follows = relation is Relation.FOLLOWS
    try:
        does = kept_connections.call(
            bot, "friends.isFollowing", {"source": bot.progress.ssb_id, "dest": feed}
        )
        if bool(does) is not follows:
            said = {"type": "contact", "contact": feed, "following": follows}
            kept_connections.call(bot, "publish", said)
            journal.note(bot, person, "follow" if follows else "unfollow", feed=feed)
    except ScuttlebuttError as error:
        log.warning("%s does not follow: %s", bot.name, error)
        raise Refused("no_answer", f"{bot.name} did not do it: {error}. Please try again.") from None
    return feed


def clean_feed(text: str) -> str:
    """A feed's id, `@….ed25519`. Raises `Refused` `bad_feed`."""
    text = text.strip()
    try:
        feed = uri_to_sigil(text) if text.lower().startswith("ssb:") else text
        decode_feed_id(feed)
    except InvalidFormat:
        raise Refused(
            "bad_feed", "A feed's id reads @….ed25519; an app shows it in the person's profile.", "ssbId"
        ) from None
    return feed
