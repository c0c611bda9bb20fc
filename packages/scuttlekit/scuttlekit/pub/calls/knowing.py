"""`gossip.*`: the peers that the pub knows, and calls to connect to them."""

from typing import Any

from scuttlekit.errors import InvalidFormat, RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub import pinging
from scuttlekit.pub.calls.options import options_in
from scuttlekit.pub.connections import Connections
from scuttlekit.pub.dialling import Dialler
from scuttlekit.pub.gossip import Gossip, KnownAddress, read_address
from scuttlekit.serving import Handlers


class Knowing:
    """Answers the calls about known peers, and dials peers on request."""

    def __init__(self, gossip: Gossip, dialler: Dialler, connections: Connections, own_id: str) -> None:
        self._gossip = gossip
        self._dialler = dialler
        self._connections = connections
        self._own_id = own_id

    def handlers(self) -> Handlers:
        return {
            "gossip.ping": pinging.answered,
            "gossip.peers": self._peers,
            "gossip.get": self._get,
            "gossip.add": self._add,
            "gossip.remove": self._remove,
            "gossip.connect": self._connect,
            "gossip.disconnect": self._disconnect,
        }

    def peers(self) -> list[dict[str, Any]]:
        """All known peers, each with the `state` of its connection if there is one."""
        return [self._told(known) for known in self._gossip]

    async def _peers(self, _peer: Peer, *_: Any) -> list[dict[str, Any]]:
        return self.peers()

    async def _get(self, _peer: Peer, given: Any = None, *_: Any) -> dict[str, Any] | None:
        known = self._gossip.get(_key_in(given))
        return None if known is None else self._told(known)

    async def _add(
        self, _peer: Peer, given: Any = None, source: Any = None, *_: Any
    ) -> dict[str, Any] | None:
        known = self._read(given, source if isinstance(source, str) and source else "manual")
        if known.key == self._own_id:
            return None
        known = self._gossip.add(known)
        self._dialler.hurry()
        return self._told(known)

    async def _remove(self, _peer: Peer, given: Any = None, *_: Any) -> bool:
        return self._gossip.remove(_key_in(given))

    async def _connect(self, _peer: Peer, given: Any = None, *_: Any) -> dict[str, Any]:
        if isinstance(given, str) and given.startswith("@"):
            known = self._gossip.get(given)
            if known is None:
                raise RemoteError(f"no known address for peer:{given[:100]}")
        else:
            known = self._read(given, "manual")
            if (existing := self._gossip.get(known.key)) is not None:
                # An address given by hand is more trustworthy than the one we have.
                existing.address, existing.text = known.address, known.text
        if known.key == self._own_id:
            raise RemoteError("this is the pub's own address")
        known = self._gossip.add(known)
        await self._dialler.connect(known)
        return self._told(known)

    async def _disconnect(self, _peer: Peer, given: Any = None, *_: Any) -> bool:
        key = _key_in(given)
        was_there = bool(self._connections.of(key))
        self._connections.hang_up(key)
        return was_there

    def _read(self, given: Any, source: str) -> KnownAddress:
        try:
            address, text = read_address(given)
        except InvalidFormat as error:
            raise RemoteError(f"not a valid address: {error}") from None
        return KnownAddress(address, text, source)

    def _told(self, known: KnownAddress) -> dict[str, Any]:
        links = self._connections.of(known.key)
        shown = known.as_written()
        if links:
            shown |= {"state": "connected", "client": links[-1].dialled}
        elif self._dialler.is_dialling(known.key):
            shown["state"] = "connecting"
        return shown


def _key_in(given: Any) -> str:
    """Get the id of a peer, given alone or within an address. Raises RemoteError."""
    if isinstance(given, str) and given.startswith("@"):
        return given
    try:
        return read_address(given)[0].key
    except InvalidFormat:
        key = options_in(given).get("key")
        if isinstance(key, str):
            return key
        raise RemoteError("give the id or an address of a peer") from None
