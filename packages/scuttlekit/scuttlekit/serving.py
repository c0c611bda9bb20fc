"""Answering a peer's calls: the handlers of an API, and the calls running on one connection."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from inspect import Parameter, isasyncgenfunction, signature
from typing import TYPE_CHECKING, Any, Final, Self

from scuttlekit.errors import NOT_ALLOWED, RemoteError, ScuttlebuttError
from scuttlekit.streams import Stream, error_body

if TYPE_CHECKING:
    from scuttlekit.frames import Frame
    from scuttlekit.muxrpc import Session

MAX_CALLS = 64
"""How many calls of one peer are answered at the same time."""

HOLD_ABOVE = 500
MAX_WAITING = 4000
"""How many more async calls of a peer may wait: programs send thousands without waiting for an answer. Above
the first bound we stop reading. Above the second, which one read from the socket does not reach, calls are
refused."""

MAX_REQUEST = 64 << 10
"""The most bytes of a request. Its arguments stay in memory until it is answered, at many times the size of
their text."""

_log = logging.getLogger(__name__)

Handler = Callable[..., Any]
Handlers = Mapping[str, "Handler | SourceHandler | StreamHandler"]
"""Handlers by dotted name. An async function answers an async call, and an async generator function a source.
Both are called with the peer and then the arguments; as in JavaScript, surplus arguments are dropped. A
function that returns an async generator is wrapped in `SourceHandler`, and the handler of a sink or duplex in
`StreamHandler`."""


@dataclass(frozen=True, slots=True)
class SourceHandler:
    """Answers a source: `run(peer, *args)` yields its values, one by one or as `Later`."""

    run: Callable[..., AsyncGenerator[Any, None]]


class Later:
    """Values of a source that are read when the peer can take them, and sent at once. `count` is then their number."""

    __slots__ = ("count", "read")

    def __init__(self, read: Callable[[], Sequence[Any]]) -> None:
        self.read = read
        self.count = 0


@dataclass(frozen=True, slots=True)
class StreamHandler:
    """Answers a sink or a duplex: `run(peer, stream, *args)`. The stream ends when `run` returns or raises."""

    run: Callable[..., Awaitable[None]]
    two_way: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    kind: str
    args: list[Any]

    @classmethod
    def read(cls, frame: "Frame") -> Self:
        """Parse a request's body. Raises ProtocolError or RemoteError, both meant for the peer."""
        if len(frame.body) > MAX_REQUEST:
            raise RemoteError(f"a request can have at most {MAX_REQUEST} bytes")
        value = frame.value
        if not isinstance(value, dict):
            raise RemoteError("a request must be a JSON object")
        name, args = value.get("name"), value.get("args", [])
        kind = value.get("type", "async") if frame.stream else "async"
        parts = [name] if isinstance(name, str) else name
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise RemoteError("a request's name must be a list of strings")
        if not isinstance(args, list):
            raise RemoteError("a request's args must be a list")
        if frame.stream and not (isinstance(kind, str) and kind in {"source", "sink", "duplex"}):
            raise RemoteError("a stream's type must be source, sink or duplex")
        return cls(".".join(parts), kind, args)


def _log_fault(error: Exception) -> None:
    _log.error("a handler failed", exc_info=error)


class Api:
    """Handlers by name, shared by all connections that offer them. If there are any, `manifest` is answered too.

    `allowed` names the calls that may be made; by default, all. `on_fault` is called with each handler error
    that is not meant for the peer; by default, it is logged.
    """

    __slots__ = ("_allowed", "_handlers", "_takes", "on_fault")

    def __init__(
        self,
        handlers: Handlers | None = None,
        *,
        allowed: Collection[str] | None = None,
        on_fault: Callable[[Exception], object] | None = None,
    ) -> None:
        self._handlers: dict[str, Handler | SourceHandler | StreamHandler] = dict(handlers or {})
        self._takes: dict[str, tuple[int, int | None]] = {}
        self._allowed = allowed
        self.on_fault = on_fault or _log_fault
        if self._handlers:
            self._handlers.setdefault("manifest", self._manifest)

    def find(self, name: str, kind: str) -> Handler | SourceHandler | StreamHandler:
        """Return the handler for a call. Raises RemoteError if there is none of that kind, or the peer may
        not call it.
        """
        if self._allowed is not None and name not in self._allowed:
            raise RemoteError(f"method:{name.replace('.', ',')[:100]} {NOT_ALLOWED}")
        handler = self._handlers.get(name)
        if handler is None or _kind(handler) != kind:
            raise RemoteError(f"no {kind}:{name[:100]}")
        return handler

    def fit(self, name: str, args: list[Any]) -> list[Any]:
        """Drop arguments that the handler does not take. Raises RemoteError if some are missing."""
        if name not in self._takes:
            self._takes[name] = _arguments(self._handlers[name])
        least, most = self._takes[name]
        if len(args) < least:
            raise RemoteError(f"{name} needs at least {least} arguments, not {len(args)}")
        return args[:most]

    async def _manifest(self, _peer: Any, *_: Any) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for name, handler in self._handlers.items():
            *folders, leaf = name.split(".")
            branch = tree
            for folder in folders:
                branch = branch.setdefault(folder, {})
            branch[leaf] = _kind(handler)
        return tree


def _kind(handler: Handler | SourceHandler | StreamHandler) -> str:
    if isinstance(handler, StreamHandler):
        return "duplex" if handler.two_way else "sink"
    return "source" if isinstance(handler, SourceHandler) or isasyncgenfunction(handler) else "async"


def _arguments(handler: Handler | SourceHandler | StreamHandler) -> tuple[int, int | None]:
    """The fewest and the most arguments of a call that a handler takes; None for any number."""
    of_its_own = 2 if isinstance(handler, StreamHandler) else 1
    run = handler.run if isinstance(handler, SourceHandler | StreamHandler) else handler
    least = most = -of_its_own
    for parameter in signature(run).parameters.values():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            return max(0, least), None
        if parameter.kind in {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}:
            most += 1
            least += parameter.default is Parameter.empty
    return max(0, least), max(0, most)


NOTHING: Final = Api()


class Serving:
    """The calls of one peer that are being answered, each in its own task."""

    __slots__ = ("_api", "_later", "_session", "_tasks", "peer")

    def __init__(self, api: Api, peer: Any = None) -> None:
        self._api = api
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: deque[Coroutine[Any, Any, None]] = deque()
        self._session: Session | None = None
        self.peer = peer

    def begin(self, peer: Any, api: Api) -> None:
        """Start answering this peer with this API."""
        self.peer, self._api = peer, api

    def receive(self, session: "Session", frame: "Frame") -> None:
        """Start answering a request. Raises ProtocolError if the peer opens too many streams."""
        if frame.end:
            # The peer ends something that is already over.
            return
        number = frame.request
        try:
            request = _Request.read(frame)
            handler = self._api.find(request.name, request.kind)
            args = self._api.fit(request.name, request.args)
            if len(self._tasks) >= MAX_CALLS and (frame.stream or len(self._later) >= MAX_WAITING):
                raise RemoteError(f"more than {MAX_CALLS} calls at once")
        except ScuttlebuttError as error:
            if frame.stream:
                session.accept(number, two_way=False).abort(error)
            else:
                session.end_call(-number, error_body(error), stream=False)
            return
        if not frame.stream:
            answer = self._answer(session, number, handler, args)
            if len(self._tasks) < MAX_CALLS:
                self._start(answer)
            else:
                self._session = session
                self._later.append(answer)
            return
        stream = session.accept(number, two_way=request.kind == "duplex")
        task = self._start(self._stream(stream, handler, args))
        if request.kind == "source":
            stream.when_over(task.cancel)

    def stop(self) -> None:
        """Cancel all answers, also those that have not begun."""
        for answer in self._later:
            answer.close()
        self._later.clear()
        for task in self._tasks:
            task.cancel()

    @property
    def answering(self) -> int:
        """How many calls are being answered."""
        return len(self._tasks)

    @property
    def waiting(self) -> int:
        """How many calls wait for others to be answered."""
        return len(self._later)

    @property
    def is_busy(self) -> bool:
        """Whether so many calls wait that no more are read from the peer."""
        return len(self._later) > HOLD_ABOVE

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._later and len(self._tasks) < MAX_CALLS:
            was_busy = self.is_busy
            self._start(self._later.popleft())
            if was_busy and not self.is_busy and self._session is not None:
                self._session.hear_room()

    async def _answer(self, session: "Session", number: int, handler: Any, args: list[Any]) -> None:
        try:
            value = await handler(self.peer, *args)
            await session.drain()
            session.send(-number, value)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is the peer's answer
            session.end_call(-number, error_body(self._for_peer(error)), stream=False)

    async def _stream(self, stream: Stream, handler: Any, args: list[Any]) -> None:
        error: ScuttlebuttError | None = None
        try:
            if isinstance(handler, StreamHandler):
                await handler.run(self.peer, stream, *args)
            else:
                run = handler.run if isinstance(handler, SourceHandler) else handler
                await _pour(run(self.peer, *args), stream)
        except Exception as raised:  # noqa: BLE001 - whatever a handler raises is the peer's answer
            error = self._for_peer(raised)
        finally:
            stream.abort(error)

    def _for_peer(self, error: Exception) -> ScuttlebuttError:
        """The error to send to the peer: our own messages, but no internals of a handler."""
        if isinstance(error, ScuttlebuttError):
            return error
        self._api.on_fault(error)
        return RemoteError("the call failed")


async def _pour(values: AsyncGenerator[Any, None], stream: Stream) -> None:
    async with aclosing(values):
        async for value in values:
            if isinstance(value, Later):
                value.count = await stream.send_read(value.read)
            else:
                await stream.send(value)
