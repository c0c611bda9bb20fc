"""Sign in with Scuttlebutt for the service that manages the pub: pending challenges, and who signed in and out.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.data_folder import SIGN_INS
from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.http_auth import is_challenge, is_solution
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import chatter

_MOST_EXACT: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Solution:
    """An app's verified solution. `challenge` is the app's own challenge."""

    feed: str
    challenge: str
    solution: str

    def as_told(self) -> dict[str, str]:
        return {"id": self.feed, "cc": self.challenge, "solution": self.solution}


@dataclass(slots=True)
class _Waiting:
    since: float
    solution: Solution | None = None


class Challenges:
    """The service's challenges, and the solutions of apps. Each is solved once, and forgotten after a time.

    They do not survive a restart: the person signs in again. `clock` is in seconds.
    """

    def __init__(self, own_id: str, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._own_id = own_id
        self._limits = limits
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, challenge: Any) -> bool:
        """Wait for a solution. Returns False if the challenge is pending already. Raises RemoteError if it is
        invalid.
        """
        self._forget_old()
        if not is_challenge(challenge):
            raise RemoteError("a challenge must be the base64 of 32 bytes")
        if challenge in self._waiting:
            return False
        while len(self._waiting) >= self._limits["challenges"]:
            self._limits.refuse("challenges")
            del self._waiting[next(iter(self._waiting))]
        self._waiting[challenge] = _Waiting(self._clock())
        return True

    def solve(self, feed: str, challenge: Any, app_challenge: Any, solution: Any) -> bool:
        """Accept the first valid solution of a pending challenge. Returns whether this is it."""
        self._forget_old()
        waiting = self._waiting.get(challenge) if isinstance(challenge, str) else None
        if waiting is None or waiting.solution is not None:
            return False
        if not is_solution(self._own_id, feed, challenge, app_challenge, solution):
            return False
        waiting.solution = Solution(feed, app_challenge, solution)
        return True

    def solution_of(self, challenge: Any) -> Solution | None:
        """The solution of a challenge, None until there is one. Raises RemoteError if the challenge is not known."""
        self._forget_old()
        waiting = self._waiting.get(challenge) if isinstance(challenge, str) else None
        if waiting is None:
            raise RemoteError("this challenge is not known, or it took too long")
        return waiting.solution

    def drop(self, feed: str) -> None:
        """Forget the challenges that this feed has solved."""
        for challenge, waiting in list(self._waiting.items()):
            if waiting.solution is not None and waiting.solution.feed == feed:
                del self._waiting[challenge]

    def _forget_old(self) -> None:
        # They are in order of age, the oldest first.
        old = self._clock() - self._limits["challengeSeconds"]
        while self._waiting:
            first = next(iter(self._waiting))
            if self._waiting[first].since > old:
                return
            del self._waiting[first]


class SignOuts:
    """Who signed in here and has since asked to be signed out everywhere; kept in the file `sign-ins.json`.

    The service may be away when somebody asks, so it gets the whole list whenever it starts to listen.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Read the file. Raises OSError."""
        self._path = folder / SIGN_INS
        self._limits = limits
        self._out: dict[str, int | None] = {}
        """When each feed last signed out, in ms since 1970; None if signed in since. In order of sign-in."""
        self._listeners: set[asyncio.Event] = set()
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            kept = {feed: at for feed, at in orjson.loads(text)["people"] if _is_entry(feed, at)}
        except (ValueError, TypeError, KeyError):
            chatter("warning", f"{self._path} is damaged: who signed out while no service listened is lost.")
            return
        self._out = kept

    def signed_in(self, feed: str) -> None:
        """Record that this feed has signed in. Raises OSError."""
        if feed in self._out and self._out[feed] is None:
            return
        self._out.pop(feed, None)
        while len(self._out) >= self._limits["signedIn"]:
            self._limits.refuse("signedIn")
            del self._out[next(iter(self._out))]
        self._out[feed] = None
        self._write()

    def sign_out(self, feed: str) -> None:
        """Tell the service to end all sessions of this feed, if it has signed in. Raises OSError."""
        if feed not in self._out or self._out[feed] is not None:
            return
        self._out[feed] = int(time.time() * 1000)
        self._write()
        for listener in self._listeners:
            listener.set()

    async def tell(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield `{id, at}` for everybody who is signed out, then for each new sign-out, for ever."""
        sent: dict[str, int] = {}
        news = asyncio.Event()
        self._listeners.add(news)
        try:
            while True:
                news.clear()
                for feed, at in list(self._out.items()):
                    if at is not None and sent.get(feed) != at:
                        sent[feed] = at
                        yield {"id": feed, "at": at}
                sent = {feed: at for feed, at in sent.items() if feed in self._out}
                await news.wait()
        finally:
            self._listeners.discard(news)

    def _write(self) -> None:
        write_whole(self._path, orjson.dumps({"people": list(self._out.items())}), lasting=True)


def _is_entry(feed: Any, at: Any) -> bool:
    is_time = at is None or (isinstance(at, int) and not isinstance(at, bool) and 0 <= at < _MOST_EXACT)
    return isinstance(feed, str) and is_time
