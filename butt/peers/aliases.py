"""Aliases: short names that members of a bot's room chose. They are kept by its pub, which is asked; no row here
is theirs.

An alias comes with its owner's signature over the alias, the room and their id, so nobody here can forge one.

Source: https://github.com/ssbc/rooms2, "Web endpoint" and "Alias consumption".
"""

import logging
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent
from butt.agents.states import State
from butt.agents.words import one_line, storable
from butt.invites.kept_connections import address_of, kept_connections
from butt.invites.models import LONGEST_NAME
from butt.peers.following import clean_feed
from scuttlekit import RemoteError, ScuttlebuttError

log = logging.getLogger("butt.peers")

_LABEL: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_SIGNATURE: Final = 120


@dataclass(frozen=True)
class RoomAlias:
    """An alias and its owner; the app that uses it checks the `signature`."""

    alias: str
    ssb_id: str
    name: str
    """What its owner calls themself; empty if the bot does not know."""
    signature: str
    room_id: str
    address: str
    """The bot's multiserver address."""

    @property
    def uri(self) -> str:
        """The link that opens an app, which then connects with the owner of the alias."""
        return f"ssb:experimental?{urlencode({'action': 'consume-alias', **self.as_told()})}"

    def as_told(self) -> dict[str, str]:
        """With the names of rooms 2.0."""
        return {
            "multiserverAddress": self.address,
            "roomId": self.room_id,
            "userId": self.ssb_id,
            "alias": self.alias,
            "signature": self.signature,
        }


def is_alias(text: str) -> bool:
    """Whether a text may be an alias: a label of RFC 1035 in lower case."""
    return _LABEL.fullmatch(text) is not None


def find(bot: Agent, alias: str) -> RoomAlias | None:
    """The alias with this name in the bot's room. Raises `Refused` `no_answer`."""
    if not is_alias(alias):
        return None
    return _read(bot, alias, _ask(bot, "butt.alias", alias))


def take_away(person: Agent, bot: Agent, alias: str) -> None:
    """Revoke an alias for the bot's owner. Repeating it changes nothing. Raises `Refused` `no_answer`."""
    if is_alias(alias) and _ask(bot, "butt.revokeAlias", alias) is True:
        journal.note(bot, person, "revoke alias", alias=alias)


def revoke_own(bot: Agent, ssb_id: str, alias: str) -> None:
    """Revoke an alias for the member who has it and proved their id. Another member's alias does not change.

    Raises `Refused` `no_answer`.
    """
    found = find(bot, alias)
    if found and found.ssb_id == ssb_id and _ask(bot, "butt.revokeAlias", alias) is True:
        journal.note(bot, ssb_id, "revoke alias", alias=alias)


def _ask(bot: Agent, name: str, alias: str) -> Any:
    if (state := effective_state(bot)) is not State.ALIVE:
        raise Refused("no_answer", f"{bot.name} is #{state}. Please try again later.")
    try:
        return kept_connections.call(bot, name, alias)
    except RemoteError as error:
        # A release without aliases has none.
        log.info("%s refused to look up an alias: %s", bot.name, error)
        return None
    except ScuttlebuttError as error:
        log.warning("%s did not answer about an alias: %s", bot.name, error)
        raise Refused("no_answer", f"{bot.name} is not answering. Please try again in a moment.") from None


def _read(bot: Agent, alias: str, said: Any) -> RoomAlias | None:
    """A pub's answer about an alias; None if it has none, or the answer makes no sense."""
    if not isinstance(said, dict) or said.get("alias") != alias:
        return None
    signature, name = said.get("signature"), said.get("name")
    if not isinstance(signature, str) or len(signature) > _LONGEST_SIGNATURE or not signature.isascii():
        return None
    try:
        ssb_id = clean_feed(str(said.get("userId")))
    except Refused:
        return None
    address = address_of(bot)
    return RoomAlias(
        alias=alias,
        ssb_id=ssb_id,
        name=one_line(storable(name))[:LONGEST_NAME] if isinstance(name, str) else "",
        signature=signature,
        room_id=address.key,
        address=address.multiserver,
    )
