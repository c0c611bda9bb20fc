"""The calls in which the pub describes itself."""

from collections.abc import Callable
from typing import Any

from scuttlekit.addresses import Address
from scuttlekit.peer import Peer
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers

VERSION = "0.1.0"


class Oneself:
    """Answers the calls for the pub's identity, address, version and indexing progress."""

    def __init__(
        self,
        address: Address,
        store: Store,
        peers: Callable[[], list[dict[str, Any]]],
        manifest: dict[str, Any],
    ) -> None:
        self._address = address
        self._store = store
        self._peers = peers
        self._manifest = manifest

    def handlers(self) -> Handlers:
        return {
            "manifest": self._tell_manifest,
            "whoami": self._whoami,
            "address": self._tell_address,
            "getAddress": self._tell_address,
            "version": self._version,
            "progress": self._progress,
            "status": self._status,
        }

    async def _tell_manifest(self, _peer: Peer, *_: Any) -> dict[str, Any]:
        return self._manifest

    async def _whoami(self, _peer: Peer, *_: Any) -> dict[str, str]:
        return {"id": self._address.key}

    async def _tell_address(self, _peer: Peer, *_: Any) -> str:
        return self._address.multiserver

    async def _version(self, _peer: Peer, *_: Any) -> str:
        return VERSION

    async def _progress(self, _peer: Peer, *_: Any) -> dict[str, Any]:
        current, target = self._store.progress
        return {"indexes": {"start": 0, "current": current, "target": target}}

    async def _status(self, _peer: Peer, *_: Any) -> dict[str, Any]:
        current, target = self._store.progress
        return {
            "progress": {"indexes": {"start": 0, "current": current, "target": target}},
            "sync": {"since": target, "plugins": {}, "sync": current == target},
            "gossip": {peer["key"]: peer for peer in self._peers() if peer.get("state") == "connected"},
        }
