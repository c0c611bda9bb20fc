"""Our own supervisord: started when it is not running, and reached over its unix socket.

It is a daemon, so it and the bots under it outlive whoever started it.
"""

import fcntl
import hashlib
import http.client
import resource
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client  # nosec B411 # it speaks to supervisord alone, over a socket of the home folder
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from butt.environment import for_bots
from butt.hosts.interface import HostTrouble

START_SECONDS = 15.0
LONGEST_SOCKET_PATH = 100

_CONFIG = """\
[unix_http_server]
file={socket}
chmod=0600

[supervisord]
logfile={folder}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=2
pidfile={folder}/supervisord.pid
identifier=butt
directory={folder}
childlogdir={folder}
minfds={files}
umask=077

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = butt.supervisord:calls

[include]
files = programs/*.conf
"""


_START = "import sys; sys.modules['ssl'] = None; from supervisor.supervisord import main; main()"
"""It serves over its own socket only, so it does without TLS, which its HTTP library would load."""


class Supervisor:
    """`folder` holds its configuration; `before_another` is called before a new one takes over from one that ended."""

    def __init__(self, folder: Path, before_another: Callable[[], None]) -> None:
        self.folder, self._before_another = folder, before_another
        self.programs = folder / "programs"
        self.socket = socket_in(folder, "socket", "")
        self._of_thread = threading.local()

    def call(self, method: str, *args: Any) -> Any:
        """Call `supervisor.METHOD`. Raises `xmlrpc.client.Fault`, and `HostTrouble` when it cannot be reached."""
        return self._reached(lambda proxy: getattr(proxy.supervisor, method)(*args))

    def call_for_each(self, method: str, names: Collection[str]) -> list[Any]:
        """Call `supervisor.METHOD` for each name, in one request. A fault stands in its place in the answer.

        Raises `HostTrouble`.
        """
        calls = [{"methodName": f"supervisor.{method}", "params": [name]} for name in names]
        return [_answer(one) for one in self._reached(lambda proxy: proxy.system.multicall(calls))]

    def is_up(self) -> bool:
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException, xmlrpc.client.Fault):
            return False

    def ensure(self) -> None:
        """Make sure one is running. The lock keeps two processes from starting two."""
        self.programs.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_up():
                return
            self._wait_for_dying()
            self._before_another()
            self._start()

    def shut_down(self) -> None:
        """Stop all programs in an orderly way, then supervisord itself. Does nothing if it is not running."""
        if not self.is_up():
            return
        pid = self._call("getPID")
        self._call("shutdown")
        try:
            psutil.Process(pid).wait(timeout=60)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            raise HostTrouble("supervisord has not ended within 60 s; some bot does not stop.") from None

    def _reached(self, ask: Callable[[xmlrpc.client.ServerProxy], Any]) -> Any:
        try:
            return self._once(ask)
        except (OSError, http.client.HTTPException):
            self.ensure()
        try:
            return self._once(ask)
        except (OSError, http.client.HTTPException) as error:
            raise HostTrouble(f"supervisord does not answer: {error}") from error

    def _call(self, method: str) -> Any:
        return self._once(lambda proxy: getattr(proxy.supervisor, method)())

    def _once(self, ask: Callable[[xmlrpc.client.ServerProxy], Any]) -> Any:
        proxy = self._proxy()
        try:
            return ask(proxy)
        except (OSError, http.client.HTTPException):
            proxy("close")()
            raise

    def _proxy(self) -> xmlrpc.client.ServerProxy:
        """A connection of each thread: two that share one read each other's answers, or wait for ever."""
        if not hasattr(self._of_thread, "proxy"):
            transport = SupervisorTransport(None, None, f"unix://{self.socket}")
            self._of_thread.proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        proxy: xmlrpc.client.ServerProxy = self._of_thread.proxy
        return proxy

    def _wait_for_dying(self) -> None:
        """A supervisord that is shutting down is still stopping bots; a second one would start them again."""
        try:
            pid = int((self.folder / "supervisord.pid").read_text())
            dying = psutil.Process(pid)
            if str(self.folder) in " ".join(dying.cmdline()):
                dying.wait(timeout=30)
        except (OSError, ValueError, psutil.NoSuchProcess):
            return
        except psutil.TimeoutExpired:
            raise HostTrouble("supervisord runs but does not answer; waiting for it") from None

    def _start(self) -> None:
        config = self.folder / "supervisord.conf"
        config.write_text(
            _CONFIG.format(socket=escaped(self.socket), folder=escaped(self.folder), files=_files())
        )
        self.socket.unlink(missing_ok=True)
        # -P: the current folder may be anybody's, and is no place for modules.
        command = [sys.executable, "-P", "-c", _START, "-c", str(config)]
        done = subprocess.run(
            command, env=for_bots(), capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode:
            raise HostTrouble(f"supervisord does not start: {(done.stderr or done.stdout).strip()}")
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            if time.monotonic() > deadline:
                raise HostTrouble(f"supervisord did not come up; see {self.folder}/supervisord.log")
            time.sleep(0.02)


def socket_in(folder: Path, name: str, ending: str) -> Path:
    """The socket `name` of `folder`; in the folder for temporary files, under a name with this ending, if its path is too long."""
    if len(bytes(folder / name)) <= LONGEST_SOCKET_PATH:
        return folder / name
    short = hashlib.sha256(bytes(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"butt-{short}{ending}"


def _answer(one: Any) -> Any:
    """What was answered to one of several calls: a fault comes as a struct."""
    is_fault = isinstance(one, dict) and one.keys() == {"faultCode", "faultString"}
    return xmlrpc.client.Fault(one["faultCode"], one["faultString"]) if is_fault else one


def _files() -> int:
    """How many files to ask for: supervisord does not start if it may not open as many as configured."""
    return min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def escaped(value: object) -> str:
    """`value` for supervisord's configuration, where a percent sign starts an expansion."""
    return str(value).replace("%", "%%")
