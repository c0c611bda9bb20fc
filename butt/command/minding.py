"""Starts each process of `butt up` again when it dies: what `butt up` itself turns into once the pages are there.

A script for the bare interpreter: it lives as long as the service, so it loads nothing that it can do without.
"""

import os
import signal
import sys
import time

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals at which `butt up` ends."""

ENDS_WITH_BOTS = signal.SIGUSR1
"""The signal at which a process ends, and stops all bots before."""

AFTER_DEATH = 1.0
TO_END, TO_STOP_BOTS = 10.0, 90.0
"""Seconds that a process has to end, and the one that stops the bots before."""

BOTS_RUN_ON = 75
"""The exit code after some bots could not be stopped, and the reason was printed."""

CODE = ("-P", "-c")
"""Runs code without looking for modules in the current folder, which may be anybody's."""

START = "import sys; from butt.command.children import become; become(sys.argv[1], int(sys.argv[2]))"
STOP = "from butt.command.up import stop_bots; stop_bots()"


class Minder:
    """`parts` are the names of the processes by their ids; `end` is the pipe that ends with this process. The process
    `stops_bots` stops all bots when it is told to end.
    """

    def __init__(self, parts: dict[int, str], end: int, stops_bots: str) -> None:
        self._parts, self._end, self._stops_bots = parts, end, stops_bots

    def mind(self) -> int:
        """Until a signal ends it; the exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (*HEEDED, signal.SIGCHLD))
        while True:
            while dead := self._dead():
                name, status = dead
                _say(ended(name, os.waitstatus_to_exitcode(status)), 2)
                if signal.sigtimedwait(HEEDED, AFTER_DEATH):
                    return self._stop()
                self._start(name)
            if signal.sigwait((*HEEDED, signal.SIGCHLD)) != signal.SIGCHLD:
                return self._stop()

    def _dead(self) -> tuple[str, int] | None:
        """The name and the status of a process that has ended."""
        while self._parts:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return None
            if name := self._parts.pop(pid, None):
                return name, status
        return None

    def _start(self, name: str) -> None:
        command = [sys.executable, *CODE, START, name, str(self._end)]
        pid = os.posix_spawn(sys.executable, command, os.environ, setsigmask=())
        self._parts[pid] = name

    def _stop(self) -> int:
        _say("Stopping …", 1)
        for pid, name in self._parts.items():
            os.kill(pid, ENDS_WITH_BOTS if name == self._stops_bots else signal.SIGTERM)
        began, stopped = time.monotonic(), -1
        while self._parts:
            while dead := self._dead():
                if dead[0] == self._stops_bots:
                    stopped = os.waitstatus_to_exitcode(dead[1])
            took = time.monotonic() - began
            for pid, name in self._parts.items():
                if took > (TO_STOP_BOTS if name == self._stops_bots else TO_END):
                    os.kill(pid, signal.SIGKILL)
            if self._parts:
                signal.sigtimedwait((signal.SIGCHLD,), 1.0)
        if stopped == BOTS_RUN_ON:
            return 1
        if stopped:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*HEEDED, signal.SIGCHLD))
            os.execv(sys.executable, [sys.executable, *CODE, STOP])  # nosec B606 # noqa: S606
        _say("Stopped.", 1)
        return 0


def ended(name: str, code: int) -> str:
    """What is said of a process that ended by itself."""
    return f"butt {name} ended with code {code}; starting it again."


def _say(text: str, to: int) -> None:
    os.write(to, f"{text}\n".encode())


def main(arguments: list[str]) -> int:
    """`up --home HOME LOCK HOLD END STOPS-BOTS PID=NAME …`: the files are open, and the parts' alone is passed on."""
    lock, hold, end = map(int, arguments[3:6])
    for file in (lock, hold):
        os.set_inheritable(file, False)
    parts = {int(pid): name for pid, _, name in (part.partition("=") for part in arguments[7:])}
    return Minder(parts, end, arguments[6]).mind()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
