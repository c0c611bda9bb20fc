"""`invite.*` and `butt.*`: letting people in, and the calls a service needs to manage the pub."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from typing import Any

from scuttlekit.frames import Json
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import is_true, number_in, options_in
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.figures import Figures
from scuttlekit.pub.guests import guests
from scuttlekit.pub.invites import Invites
from scuttlekit.pub.profile import Profile
from scuttlekit.pub.store import Store, Stored
from scuttlekit.pub.visits import Visits
from scuttlekit.serving import Handlers, SourceHandler


class Inviting:
    """Answers the calls that create, list, use and revoke invites."""

    def __init__(
        self, invites: Invites, visits: Visits, catch_up: CatchUp, has_brought_in: Callable[[Peer, str], None]
    ) -> None:
        self._invites = invites
        self._has_brought_in = has_brought_in
        self._visits = visits
        self._catch_up = catch_up

    def handlers(self) -> Handlers:
        return {
            "invite.create": self._create,
            "invite.use": self._use,
            "invite.accept": self._accept,
            "butt.invites": self._list,
            "butt.offer": self._offer,
            "butt.revoke": self._revoke,
            "butt.claim": self._claim,
        }

    async def _create(self, _peer: Peer, options: Any = None, *_: Any) -> str:
        return await self._invites.create(options)

    async def _use(self, peer: Peer, request: Any = None, *_: Any) -> Json | bool:
        said = await self._invites.use(peer.id, request)
        self._has_brought_in(peer, request["feed"])
        return True if said is None else Json(said.record)

    async def _claim(self, _peer: Peer, request: Any = None, *_: Any) -> dict[str, Any]:
        return await self._invites.claim(request)

    async def _accept(self, _peer: Peer, code: Any = None, *_: Any) -> Json:
        self._catch_up.check()
        said = await self._visits.accept(code)
        return Json(b"[" + b",".join(message.record for message in said) + b"]")

    async def _list(self, _peer: Peer, options: Any = None, *_: Any) -> list[dict[str, Any]]:
        return self._invites.list(include_all=is_true(options_in(options), "all"))

    async def _offer(self, _peer: Peer, invite: Any = None, *_: Any) -> bool:
        return await self._invites.offer(invite)

    async def _revoke(self, _peer: Peer, key: Any = None, *_: Any) -> bool:
        return await self._invites.revoke(key)


class LookingAfter:
    """Answers the service that manages the pub."""

    def __init__(
        self,
        figures: Figures,
        store: Store,
        profile: Profile,
        catch_up: CatchUp,
        present: Callable[[], Collection[str]],
        announce: Callable[[], Awaitable[Stored]],
    ) -> None:
        self._announce_itself = announce
        self._figures = figures
        self._store = store
        self._profile = profile
        self._catch_up = catch_up
        self._present = present

    def handlers(self) -> Handlers:
        return {
            "butt.figures": SourceHandler(self._tell_figures),
            "butt.guests": SourceHandler(self._tell_guests),
            "butt.describe": self._describe,
            "butt.announce": self._announce,
            "butt.caughtUp": self._caught_up,
        }

    def _tell_figures(self, _peer: Peer, options: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        asked = options_in(options)
        return self._figures.stream(asked.get("every"), asked.get("quiet"), asked.get("full"))

    def _tell_guests(self, _peer: Peer, options: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        since = number_in(options_in(options), "since") or 0
        return guests(self._store, self._store.own.id, int(since), self._present)

    async def _describe(self, _peer: Peer, wanted: Any = None, *_: Any) -> dict[str, int]:
        self._catch_up.check()
        return await self._profile.describe(wanted)

    async def _announce(self, _peer: Peer, *_: Any) -> dict[str, Any]:
        self._catch_up.check()
        said = (await self._announce_itself()).value
        return {"sequence": said["sequence"], "address": said["content"]["address"]}

    async def _caught_up(self, _peer: Peer, *_: Any) -> bool:
        return await self._catch_up.told()
