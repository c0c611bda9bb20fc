"""Accepting invites to other pubs."""

from typing import Any, Final

from scuttlekit.errors import InvalidFormat, RemoteError, ScuttlebuttError
from scuttlekit.invites import InviteCode
from scuttlekit.keys import KeyPair
from scuttlekit.pub.dialling import Dialler
from scuttlekit.pub.gossip import Gossip, KnownAddress
from scuttlekit.pub.own_words import Announcing
from scuttlekit.pub.store import Store, Stored

PATIENCE: Final = 20.0
"""Seconds that another pub has to respond."""


class Visits:
    """Accepts invites to other pubs: follows the pub and announces its address, as ssb-invite does. May be repeated."""

    def __init__(
        self, store: Store, keys: KeyPair, dialler: Dialler, gossip: Gossip, announcing: Announcing
    ) -> None:
        self._announcing = announcing
        self._store = store
        self._keys = keys
        self._dialler = dialler
        self._gossip = gossip

    async def accept(self, code: Any) -> list[Stored]:
        """Use an invite code, and return the messages published for it. Raises RemoteError."""
        text = code.get("invite") if isinstance(code, dict) else code
        try:
            invite = InviteCode.parse(text if isinstance(text, str) else "")
        except InvalidFormat as error:
            raise RemoteError(f"this is not an invite: {error}") from None
        await self._use(invite)
        address = invite.address
        said = []
        if not self._store.graph.follows(self._keys.id, address.key):
            follow = {"type": "contact", "following": True, "autofollow": True, "contact": address.key}
            said.append(await self._store.publish(follow))
        said.append(await self._announcing.announce(address))
        self._gossip.add(KnownAddress(address, address.multiserver, "seed"))
        self._dialler.hurry()
        return said

    async def _use(self, invite: InviteCode) -> None:
        try:
            pub = await self._dialler.reach(invite.address, invite.keys)
        except ScuttlebuttError as error:
            raise RemoteError(f"could not connect to server: {error}") from None
        try:
            await pub.call("invite.use", {"feed": self._keys.id}, timeout=PATIENCE)
        except ScuttlebuttError as error:
            # If that pub already follows us, the invite has served its purpose.
            if "already following" not in str(error):
                raise RemoteError(f"invite not accepted: {error}") from None
        finally:
            await pub.close()
