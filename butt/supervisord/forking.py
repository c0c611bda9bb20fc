"""Bots that are forked from a process which has the modules of their release loaded: a fork server.

A start by executing takes most of its time for imports, and each process has those modules in memory by itself. Whatever is
amiss with a fork server, the bot is executed, as supervisord does it by itself.
"""

import ctypes
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from importlib import resources
from typing import IO, Any, NamedTuple, cast

from supervisor import events
from supervisor.options import ProcessConfig, decode_wait_status
from supervisor.process import Subprocess

from butt.environment import for_bots

PROGRAM = resources.files(__package__).joinpath("fork_server.py").read_bytes()
"""Read now: an upgrade replaces the file under a supervisord that runs on."""
LOAD_SECONDS, START_SECONDS, FORK_SECONDS = 60, 3.0, 5.0
"""How long a fork server may load at all, how long a start waits for that, and how long for a fork."""
IDLE_SECONDS, AFTER_FAILURE = 60.0, 60.0
WORTH_KEEPING = 3
"""From so many running bots on, a fork server takes less memory than those save that come after them."""
_PR_SET_CHILD_SUBREAPER = 36


class SharedCommand(NamedTuple):
    """What bots have in common that one fork server can fork.

    `interpreter` is the command up to its `-c`; `room` is the number of bytes that all arguments of a bot take.
    """

    interpreter: tuple[str, ...]
    preload: str
    room: int


class Preloaded(ProcessConfig):  # type: ignore[misc] # supervisor has no types
    """A program of which a fork server can load a part. `preload` has the lists `path` and `modules`."""

    def __init__(
        self, servers: "ForkServers", preload: Mapping[str, Any], options: Any, **params: Any
    ) -> None:
        super().__init__(options, **params)
        self.servers = servers
        arguments = shlex.split(self.command)
        before = tuple(arguments[: arguments.index("-c")])
        self.shared = SharedCommand(before, json.dumps(preload), len(_as_bytes(arguments)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preloaded) and self.shared == other.shared and bool(super().__eq__(other))

    __hash__ = None  # type: ignore[assignment]

    def make_process(self, group: Any = None) -> "ForkedProcess":
        process = ForkedProcess(self)
        process.group = group
        return process


class ForkedProcess(Subprocess):  # type: ignore[misc] # supervisor has no types
    """Differs from others in one thing: which process it is forked from."""

    _waits: socket.socket | None = None
    """On it the forked process waits to be told to go on."""

    def spawn(self) -> Any:
        options = self.config.options
        by_itself, options.fork = options.fork, lambda: self._forked() or by_itself()
        try:
            pid = super().spawn()
        finally:
            del options.fork
            waits, self._waits = self._waits, None
        if waits:
            # Not before: if supervisord is killed, whoever ends its orphans has to find a bot that runs.
            with waits, suppress(OSError):
                waits.send(b"go")
        return pid

    def _forked(self) -> int:
        """Its process if it could be forked, otherwise 0."""
        # After a failure a moment ago, whatever was the reason, a start is as plain as it can be.
        found = None if self.backoff else self.config.servers.fork(self)
        pid, self._waits = found or (0, None)
        return int(pid)

    def order(self) -> tuple[dict[str, Any], list[int]]:
        """What a fork server has to know, and standard input, output and error."""
        order = {
            "arguments": self.get_execv_args()[1],
            "environment": self._environment(),
            "folder": self.config.directory,
            "umask": self.config.umask,
        }
        output = self.pipes["child_stdout"]
        return order, [self.pipes["child_stdin"], output, self.pipes["child_stderr"] or output]

    def _environment(self) -> dict[str, str]:
        """What supervisord would have executed it with."""
        config, url = self.config, self.config.serverurl or self.config.options.serverurl
        named = {
            "SUPERVISOR_ENABLED": "1",
            "SUPERVISOR_PROCESS_NAME": config.name,
            "SUPERVISOR_GROUP_NAME": self.group.config.name,
        }
        return {
            **os.environ,
            **named,
            **({"SUPERVISOR_SERVER_URL": url} if url else {}),
            **(config.environment or {}),
        }


class ForkServer:
    """One process. Raises an exception when it does not do as it should."""

    def __init__(self, options: Any, command: SharedCommand) -> None:
        self._options, self._ready, self.used = options, False, time.monotonic()
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        preload = json.loads(command.preload)
        release = preload["path"][0]
        with theirs:
            arguments = [*command.interpreter, "-", str(theirs.fileno()), f"fork-server of {release}"]
            # A bot writes its own arguments over these.
            missing = command.room - len(_as_bytes(arguments)) - 1
            if missing < 0:
                raise OSError("its arguments are longer than those of a bot")
            process = subprocess.Popen(
                [*arguments, " " * missing],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env=for_bots(),
                process_group=0,
            )
        self.pid, self._said = process.pid, cast("IO[bytes]", process.stdout)
        options.pidhistory[self.pid] = self
        options.logger.info("fork server %(pid)s loads %(release)s", pid=self.pid, release=release)
        self._patience = START_SECONDS
        try:
            with cast("IO[bytes]", process.stdin) as program:
                program.write(PROGRAM)
            self._orders.send(json.dumps({**preload, "seconds": LOAD_SECONDS}).encode())
        except OSError:
            self.end()
            raise

    def is_ready(self) -> bool:
        """The first time it waits for that."""
        if not self._ready:
            self._orders.settimeout(self._patience)
            self._patience = 0.0
            with suppress(TimeoutError, BlockingIOError):
                if not self._orders.recv(8):
                    raise OSError("it does not load")
                self._ready = True
        return self._ready

    def fork(self, order: dict[str, Any], files: list[int]) -> tuple[int, socket.socket] | None:
        """The process of a bot, and the socket on which it waits to be told to go on. None if that bot cannot be forked."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._orders.settimeout(FORK_SECONDS)
                socket.send_fds(self._orders, [json.dumps(order).encode()], [*files, theirs.fileno()])
            ours.settimeout(FORK_SECONDS)
            said = ours.recv(16)
            if said:
                self._check_that_it_is_new(int(said))
        except BaseException:
            ours.close()
            raise
        self.used = time.monotonic()
        return (int(said), ours) if said else None

    def _check_that_it_is_new(self, pid: int) -> None:
        if pid in self._options.pidhistory:
            raise OSError(f"it gives process {pid}, which is known already")
        # Raises `ChildProcessError` if it is not a child of this process.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def end(self) -> None:
        """End it; bots that were forked from it live on."""
        self._orders.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def finish(self, pid: int, status: int) -> None:
        """Called by supervisord when the process has ended."""
        self.pid = 0
        self._orders.close()
        file = self._said.fileno()
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            said = os.read(file, 1 << 16).decode(errors="replace").strip()
        except BlockingIOError:
            said = ""
        self._said.close()
        how = decode_wait_status(status)[1]
        self._options.logger.info(
            "fork server %(pid)s ended (%(how)s) %(said)s", pid=pid, how=how, said=said[-2000:]
        )


class ForkServers:
    """The fork servers of a supervisord, which makes itself the parent of what they fork."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord, self._servers = supervisord, dict[SharedCommand, ForkServer]()
        self._failed = dict[SharedCommand, float]()
        events.subscribe(events.Tick60Event, lambda _: self._end_unused())

    @cached_property
    def _may_be_parent(self) -> bool:
        """Asked when supervisord has become a daemon: a fork loses it."""
        with suppress(OSError, AttributeError):
            return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
        return False

    def fork(self, process: ForkedProcess) -> tuple[int, socket.socket] | None:
        """The process of a bot and what tells it to go on; None if it has to be executed."""
        command, log = process.config.shared, self._supervisord.options.logger
        if process.config.uid is not None or not self._may_be_parent:
            return None
        if time.monotonic() < self._failed.get(command, 0):
            return None
        try:
            server = self._servers.get(command)
            if server is None or not server.pid:
                server = self._servers[command] = ForkServer(self._supervisord.options, command)
            found = server.fork(*process.order()) if server.is_ready() else None
        except Exception as why:  # noqa: BLE001 - it would end supervisord
            self._failed[command] = time.monotonic() + AFTER_FAILURE
            self._end(command)
            log.warn("no fork server for %(seconds)d s: %(why)r", seconds=AFTER_FAILURE, why=why)  # noqa: G010
            found = None
        if found is None:
            log.info("%(name)s is executed, not forked", name=process.config.name)
        return found

    def _end_unused(self) -> None:
        for command, server in list(self._servers.items()):
            lonely = self._running(command) < WORTH_KEEPING
            if not server.pid or (lonely and time.monotonic() - server.used > IDLE_SECONDS):
                self._end(command)

    def _end(self, command: SharedCommand) -> None:
        if server := self._servers.pop(command, None):
            server.end()

    def _running(self, command: SharedCommand) -> int:
        groups = self._supervisord.process_groups.values()
        processes = [process for group in groups for process in group.processes.values() if process.pid]
        return sum(getattr(process.config, "shared", None) == command for process in processes)


def _as_bytes(arguments: list[str]) -> bytes:
    return b"".join(os.fsencode(each) + b"\0" for each in arguments)
