"""The program of a fork server: it loads what a release of bots imports, and forks a bot at each order.

The release's own interpreter runs it, so there is nothing but the standard library. It is given to the interpreter as a text,
over standard input: an upgrade may replace this file under a supervisord that still runs, and both must be of one release.

What is forked is a bot as it would have been executed. It names itself, so that whoever looks for the bot's process finds it,
and only then reports. It goes on when it is told that supervisord knows it, and ends if supervisord is gone.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

LARGEST_ORDER = 1 << 20
STANDARD = ("0", "1", "2")
"""Standard input, output and error."""


def serve(orders: socket.socket) -> tuple[str, types.ModuleType]:
    """Load and fork until the orders end. Returns in each forked bot: the code to run, and the module to run it in."""
    plain, loading = sys.path[:], json.loads(orders.recv(LARGEST_ORDER))
    signal.alarm(loading["seconds"])
    # What is collected before a fork leaves holes in memory, and a bot that fills them copies all around them.
    gc.disable()
    sys.path[:0] = loading["path"]
    for name in loading["modules"]:
        importlib.import_module(name)
    sys.path[:] = plain
    _check_that_nothing_is_shared(orders)
    _write_arguments(_arguments())
    gc.freeze()
    signal.alarm(0)
    orders.send(b"ready")
    while True:
        message, given, _, _ = socket.recv_fds(orders, LARGEST_ORDER, 4)
        if not message:
            os._exit(0)
        order = json.loads(message)
        if _is_the_bot():
            orders.close()
            return _become(order, given)
        for each in given:
            os.close(each)


def _is_the_bot() -> bool:
    """Fork twice: the one between ends at once, which makes the bot a child of supervisord."""
    known, tell = os.pipe()
    between = os.fork()
    if not between:
        try:
            bot = os.fork()
        except OSError:
            os._exit(1)
        if bot:
            os._exit(0)
        os.close(tell)
        if not os.read(known, 1):
            os._exit(0)
        os.close(known)
        return True
    os.close(known)
    if os.waitpid(between, 0)[1] == 0:
        os.write(tell, b"1")
    os.close(tell)
    return False


def _become(order: dict[str, Any], given: list[int]) -> tuple[str, types.ModuleType]:
    """What supervisord and then the interpreter do before a program's first line."""
    os.setpgid(0, 0)
    *files, supervisord = given
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(order["folder"])
    if order["umask"] is not None:
        os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["environment"])
    arguments, start = order["arguments"], order["arguments"].index("-c")
    _write_arguments(arguments)
    os.write(supervisord, str(os.getpid()).encode())
    if os.read(supervisord, 2) != b"go":
        os._exit(0)
    for number in _open_files():
        os.close(number)
    sys.orig_argv[:], sys.argv[:] = arguments, ["-c", *arguments[start + 2 :]]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    gc.enable()
    return arguments[start + 1], main


def _open_files() -> list[int]:
    """Descriptors of all but the standard ones."""
    found = [file for file in Path("/proc/self/fd").iterdir() if file.name not in STANDARD]
    return [int(file.name) for file in found if file.exists()]


def _check_that_nothing_is_shared(orders: socket.socket) -> None:
    """A thread is not there after a fork, and an open file or a connection would belong to all bots together."""
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("what is loaded starts threads: it cannot be forked")
    if _open_files() != [orders.fileno()]:
        raise SystemExit("what is loaded opens files: it cannot be forked")


def _place_of_arguments() -> tuple[int, int]:
    """From where to where in memory the kernel finds what it shows as `/proc/PID/cmdline` (proc_pid_stat(5))."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[45]), int(fields[46])


def _arguments() -> list[str]:
    return [os.fsdecode(each) for each in Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]]


def _write_arguments(arguments: list[str]) -> None:
    """Have `ps` show these. They must take as much room as those that this process was started with."""
    text = b"".join(os.fsencode(each) + b"\0" for each in arguments)
    start, end = _place_of_arguments()
    if len(text) != end - start:
        raise SystemExit(f"{len(text)} bytes of arguments do not fit {end - start}")
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(text)


if __name__ == "__main__":
    code, main = serve(socket.socket(fileno=int(sys.argv[1])))
    del serve
    # The code in the command that supervisord would have executed.
    exec(compile(code, "<string>", "exec"), main.__dict__)  # noqa: S102 # nosec B102 # no bytes of others
