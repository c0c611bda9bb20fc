"""Calling functions on machines: through the Salt master on this machine, or without a master on this machine
alone.
"""

import fcntl
import json
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, Protocol

from django.db import connection

from butt import resources
from butt.configuration import configuration, kept_secret
from butt.environment import for_tools, last_line
from butt.hosts.interface import HostTrouble
from butt.hosts.salt.client import SaltClient
from butt.hosts.salt.results import Returned
from butt.machines import tokens
from butt.machines.models import Machine
from scuttlekit.files import write_whole

log = logging.getLogger("butt.hosts.salt")

STATES = resources.SALT

APPLY_SECONDS = 300
"""The first run builds an image, which takes long."""

CALL_SECONDS = 30
PATIENCE = 5
"""Seconds without a return after which Salt asks the minion whether it still works on the call, so that a
lost call is noticed soon.
"""

APPLY = ("state.apply", "butt")


class Caller(Protocol):
    """A way to machines. Each method raises `HostTrouble` when Salt itself cannot be run."""

    def call(self, machine: Machine, function: str, *arguments: Any, seconds: int = CALL_SECONDS) -> Returned:
        """Call a function that changes nothing, and wait for its return value."""

    def begin(self, machine: Machine, function: str, *arguments: Any, seconds: int) -> None:
        """Call such a function without waiting for it. It may take `seconds` at most."""

    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:
        """Have the machine apply the states of its pillar, after it has fetched our modules if asked to."""


class Master:
    """Uses the master's own files, as the master's user: the steward runs beside it."""

    def __init__(self) -> None:
        self._client = SaltClient(_client_command)

    def call(self, machine: Machine, function: str, *arguments: Any, seconds: int = CALL_SECONDS) -> Returned:
        return self._call(machine, seconds, {"fun": function, "arg": arguments})

    def begin(self, machine: Machine, function: str, *arguments: Any, seconds: int) -> None:  # noqa: ARG002
        self._client.ask(
            CALL_SECONDS, {"tgt": machine.minion_id, "fun": function, "arg": arguments, "wait": False}
        )

    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:
        options = {"queue": True, **({"sync_mods": "modules,states"} if with_modules else {})}
        return self._call(machine, APPLY_SECONDS, {"fun": APPLY[0], "arg": APPLY[1:], "kwarg": options})

    def _call(self, machine: Machine, seconds: int, what: dict[str, Any]) -> Returned:
        said = self._client.ask(seconds, {"tgt": machine.minion_id, "timeout": PATIENCE, **what})
        return Returned(said is not None, **(said or {}))


class Local:
    """`salt-call --local`: without a master or a waiting minion. Only one call that changes something runs at
    a time.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "salt"
        self._config = self._folder / "minion"
        self._writing = Lock()

    def call(self, machine: Machine, function: str, *arguments: Any, seconds: int = CALL_SECONDS) -> Returned:
        with self._writing:
            self._configure(machine)
        return self._run(function, *arguments, seconds=seconds)

    def begin(self, machine: Machine, function: str, *arguments: Any, seconds: int) -> None:
        def work() -> None:
            try:
                self.call(machine, function, *arguments, seconds=seconds)
            except HostTrouble as trouble:
                log.warning("%s: %s", function, trouble)
            finally:
                connection.close()

        Thread(target=work, name=function, daemon=True).start()

    def change(self, machine: Machine, function: str, *arguments: Any, seconds: int) -> Returned:
        """Call a function that changes something, while no other such call runs."""
        with self._writing:
            self._configure(machine)
        with self._alone(seconds) as lock:
            return self._run(function, *arguments, seconds=seconds, keep=lock)

    def _run(self, function: str, *arguments: Any, seconds: int, keep: IO[str] | None = None) -> Returned:
        command = [program("salt-call"), "--local", "--config-dir", str(self._config)]
        command += ["--out=json", "--retcode-passthrough", "--log-level=error", function]
        done = _run([*command, *map(str, arguments)], seconds, keep=keep)
        try:
            return Returned(True, done.returncode, json.loads(done.stdout)["local"])
        except (ValueError, KeyError, TypeError):
            raise HostTrouble(f"Salt cannot be run: {last_line(done.stderr or done.stdout)}") from None

    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:  # noqa: ARG002 - it reads them here
        return self.change(machine, *APPLY, seconds=APPLY_SECONDS)

    @contextmanager
    def _alone(self, seconds: int) -> Iterator[IO[str]]:
        """The child process holds the lock too, so it is released only when both have ended, even if we are
        killed first.
        """
        with (self._folder / "lock").open("w") as lock:
            try:
                _lock(lock, seconds)
            except TimeoutError:
                raise HostTrouble(
                    "An earlier run of Salt has not ended yet. We try again automatically."
                ) from None
            yield lock

    def _configure(self, machine: Machine) -> None:
        self._config.mkdir(parents=True, exist_ok=True)
        token = kept_secret(self._folder / "token")
        tokens.issue(machine, token)
        masters = self._folder / "master-token"
        write_whole(masters, configuration().master_token())
        server = f"http://127.0.0.1:{configuration().private_port}"
        config = {
            "id": machine.minion_id,
            "root_dir": str(self._folder / "root"),
            "user": "root" if os.geteuid() == 0 else None,
            "file_client": "local",
            "file_roots": {"base": [str(STATES / "files"), str(self._folder / "files")]},
            "module_dirs": [str(STATES), str(STATES / "files")],
            "ext_pillar": [{"http_json": {"url": f"{server}/agents/%s", "token_file": str(masters)}}],
            "enable_fqdns_grains": False,
            "enable_gpu_grains": False,
            # Nothing of ours reads them, and finding them out takes a sixth of each call.
            "grains_cache": True,
            "butt": {
                "home": str(self._folder),
                "report": {"url": server, "token_file": str(self._folder / "token")},
                "docker": os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock",
            },
        }
        given = {name: value for name, value in config.items() if value is not None}
        write_whole(self._config / "minion", json.dumps(given, indent=1))


def _client_command() -> list[str]:
    return [program("python"), str(STATES / "call.py"), str(configuration().salt_master_config)]


def program(name: str) -> str:
    """The path of a program in Salt's own environment. Raises `HostTrouble` if Salt is not installed
    there.
    """
    given = configuration().salt_programs
    folder = Path(given) if given else STATES.parent / ".salt" / "bin"
    path = folder / name
    if not path.exists():
        raise HostTrouble(
            f"Salt is not installed in {folder}: run `make salt` in a checkout, or set BUTT_SALT_PROGRAMS."
        )
    return str(path)


def _run(command: list[str], seconds: int, keep: IO[str] | None = None) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            env=for_tools(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds + 15,
            check=False,
            pass_fds=[keep.fileno()] if keep else [],
        )
    except subprocess.TimeoutExpired:
        raise HostTrouble("Salt did not answer in time.") from None


def _lock(file: IO[str], seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(0.05)
