"""Salt's client, which only Salt's own Python can load: in a process of its own that begins with the first call."""

import json
import socket
import subprocess
import tempfile
from collections.abc import Callable
from threading import Lock
from typing import IO, Any

from butt.environment import for_tools, last_line
from butt.hosts.interface import HostTrouble

STARTING = 15
"""Seconds in which it has to be there, beside those of the call."""


class SaltClient:
    """`command` gives what runs `salt/call.py`. It ends with us; calls may come from any thread."""

    def __init__(self, command: Callable[[], list[str]]) -> None:
        self._command = command
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket
        self._said: IO[bytes]

    def ask(self, seconds: int, asked: dict[str, Any]) -> Any:
        """The answer of `salt/call.py`, in `seconds` at most. Raises `HostTrouble` if there is none."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, self._lock:
                self._hand_over(theirs)
            ours.settimeout(seconds + STARTING)
            try:
                ours.sendall(json.dumps({**asked, "within": seconds + STARTING}).encode())
                ours.shutdown(socket.SHUT_WR)
                with ours.makefile("rb") as file:
                    answer = json.load(file)
            except TimeoutError:
                raise HostTrouble("Salt did not answer in time.") from None
            except (OSError, ValueError):
                raise HostTrouble(f"Salt cannot be called: {self._last_words()}") from None
        if isinstance(answer, dict) and (trouble := answer.get("trouble")):
            raise HostTrouble(f"Salt cannot be called: {last_line(trouble)}")
        return answer

    def end(self) -> None:
        """Calls that it has begun go on until they end."""
        with self._lock:
            if self._process:
                self._door.close()
                self._process.wait()
                self._process = None

    def _hand_over(self, connection: socket.socket) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            socket.send_fds(self._door, [b"."], [connection.fileno()])
        except OSError:
            raise HostTrouble(f"Salt cannot be called: {self._last_words()}") from None

    def _start(self) -> None:
        command = self._command()
        self._door, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        with theirs:
            self._process = subprocess.Popen(
                command, env=for_tools(), stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=self._said
            )

    def _last_words(self) -> str:
        self._said.seek(0)
        return last_line(self._said.read().decode(errors="replace"))
