"""Hears when a pub of this machine is ready, so that the steward need not look at it again and again while it starts.

A pub says so as services of systemd do (`sd_notify`): it sends a datagram to the socket that `NOTIFY_SOCKET` names. What counts
is only which process sent it, which the kernel says. The word may be lost, and code of others may not send it: the steward also
looks by itself.
"""

import logging
import socket
import struct
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

from butt.hosts.orphans import id_of
from butt.rounds import GoOn, rounds

log = logging.getLogger("butt.hosts")

PATIENCE, AFTER_TROUBLE = 30.0, 3.0
AT_ONCE = 100
_CREDENTIALS = struct.Struct("iII")


class Readiness:
    """Listens at `path`, and calls `tell` with the ids of bots whose pub, running below `bots`, is ready."""

    def __init__(self, path: Path, bots: Path, tell: Callable[[set[uuid.UUID]], None]) -> None:
        self._path, self._bots, self._tell = path, bots, tell

    def run(self, go_on: GoOn) -> None:
        rounds(lambda: self._listen(go_on), go_on, log, AFTER_TROUBLE)

    def _listen(self, go_on: GoOn) -> float:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ear.bind(str(self._path))
            self._path.chmod(0o600)
            while go_on():
                ear.settimeout(PATIENCE)
                self._hear(ear)
        return 0.0

    def _hear(self, ear: socket.socket) -> None:
        """Wait for a word, and take those that came with it, too."""
        ready = set[uuid.UUID]()
        try:
            for _ in range(AT_ONCE):
                word, said, _, _ = ear.recvmsg(64, socket.CMSG_SPACE(_CREDENTIALS.size))
                bot_id = self._bot_of(said) if word.startswith(b"READY=1") else None
                if bot_id:
                    ready.add(bot_id)
                ear.settimeout(0)
        except (TimeoutError, BlockingIOError):
            pass
        if ready:
            self._tell(ready)

    def _bot_of(self, said: list[tuple[int, int, bytes]]) -> uuid.UUID | None:
        """The bot to which the process that sent this belongs: its last argument is its configuration."""
        sender = next((data for _, kind, data in said if kind == socket.SCM_CREDENTIALS), None)
        if sender is None:
            return None
        try:
            last = Path(psutil.Process(_CREDENTIALS.unpack(sender)[0]).cmdline()[-1])
        except (psutil.Error, IndexError):
            return None
        is_ours = last.name == "config.json" and last.parent.parent == self._bots
        return id_of(last.parent.name) if is_ours else None
