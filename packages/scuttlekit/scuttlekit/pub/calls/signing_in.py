"""`httpAuth.*` for people's apps, and the calls a service needs to let people sign in with them.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from scuttlekit.errors import RemoteError, ScuttlebuttError
from scuttlekit.http_auth import is_challenge
from scuttlekit.peer import Peer
from scuttlekit.pub.connections import Connections
from scuttlekit.pub.sign_ins import Challenges, SignOuts
from scuttlekit.serving import Handlers, SourceHandler

APP_PATIENCE: Final = 3.0
"""Seconds. The person has already confirmed in the app, so it answers at once. The service waits 5 s."""


class SigningIn:
    """Answers apps that solve a challenge, and the service that asks for it. `is_key` recognises invite keys."""

    def __init__(
        self,
        challenges: Challenges,
        sign_outs: SignOuts,
        connections: Connections,
        is_key: Callable[[str], bool],
    ) -> None:
        self._challenges = challenges
        self._sign_outs = sign_outs
        self._connections = connections
        self._is_key = is_key

    def handlers(self) -> Handlers:
        return {
            "httpAuth.sendSolution": self._receive,
            "httpAuth.invalidateAllSolutions": self._invalidate,
            "butt.challenge": self._expect,
            "butt.solution": self._tell,
            "butt.requestSolution": self._request,
            "butt.signOuts": SourceHandler(self._tell_sign_outs),
        }

    async def _receive(
        self,
        peer: Peer,
        challenge: Any = None,
        app_challenge: Any = None,
        solution: Any = None,
        *_: Any,
    ) -> bool:
        # Several people may hold the key of an invite, so it does not identify anybody.
        return not self._is_key(peer.id) and self._solve(peer.id, challenge, app_challenge, solution)

    async def _invalidate(self, peer: Peer, *_: Any) -> bool:
        self._challenges.drop(peer.id)
        self._sign_outs.sign_out(peer.id)
        return True

    async def _expect(self, _peer: Peer, challenge: Any = None, *_: Any) -> bool:
        return self._challenges.expect(challenge)

    async def _tell(self, _peer: Peer, challenge: Any = None, *_: Any) -> dict[str, str] | None:
        found = self._challenges.solution_of(challenge)
        return None if found is None else found.as_told()

    async def _request(
        self, _peer: Peer, feed: Any = None, challenge: Any = None, app_challenge: Any = None, *_: Any
    ) -> str:
        """Ask a connected app for its solution. Returns `solved`, `away` or `refused`."""
        if not is_challenge(app_challenge):
            raise RemoteError("an app's challenge must be the base64 of 32 bytes")
        self._challenges.expect(challenge)
        if (found := self._challenges.solution_of(challenge)) is not None and found.feed == feed:
            # A service that lost the connection before it got our answer asks again.
            return "solved"
        links = (
            [link for link in self._connections.of(feed) if link.peer.is_open]
            if isinstance(feed, str)
            else []
        )
        if not links:
            return "away"
        try:
            solution = await links[-1].peer.call(
                "httpAuth.requestSolution", challenge, app_challenge, timeout=APP_PATIENCE
            )
        except ScuttlebuttError:
            return "refused"
        return "solved" if self._solve(feed, challenge, app_challenge, solution) else "refused"

    def _tell_sign_outs(self, _peer: Peer, *_: Any) -> AsyncGenerator[dict[str, Any], None]:
        return self._sign_outs.tell()

    def _solve(self, feed: str, challenge: Any, app_challenge: Any, solution: Any) -> bool:
        if not self._challenges.solve(feed, challenge, app_challenge, solution):
            return False
        self._sign_outs.signed_in(feed)
        return True
