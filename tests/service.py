"""A whole `butt up` for tests, and people who use its API."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

from tests.doors import Door
from tests.lanes import free_ports
from tests.tables import migrated
from tests.visitor import PASSWORD

LONG = 60.0
LISTENING = "0A"
"""The state of a socket in `/proc/PID/net/tcp`."""
T = TypeVar("T")


def wait_for(what: Callable[[], T | None], seconds: float = LONG) -> T:
    """The first answer of `what` that is not false; fails after `seconds`.

    Asks less often the longer it takes, because what is waited for needs the CPU too.
    """
    began = time.monotonic()
    while not (answer := what()):
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {seconds} s in vain for {what}; last: {answer!r}"
        time.sleep(min(0.05 + waited / 20, 0.3))
    return answer


class Service:
    """`with Service(home, release) as site:` runs `butt up` and at the end stops it and whatever it started.

    Its SQLite is already migrated, unless it starts `from_nothing`, as for a person who has just installed it. Without a
    `release` it builds the pub itself.
    """

    def __init__(
        self,
        home: Path,
        release: Path | None,
        most_bots: int = 40,
        *,
        from_nothing: bool = False,
        **settings: object,
    ) -> None:
        self.home = home
        self.folder: Path | None = None
        self.patience = LONG
        self.port, self.private_port, self.stand_in_port, *bots = free_ports(3 + most_bots)
        self.bot_ports = bots
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUTT_")},
            "BUTT_PUB_PORTS": f"{bots[0]}-{bots[-1]}",
            "BUTT_BILLING": "free",
            **{f"BUTT_{name.upper()}": str(value) for name, value in settings.items()},
        }
        (home / "releases").mkdir(parents=True, exist_ok=True)
        if not (from_nothing or "database_url" in settings or (home / "butt.sqlite3").exists()):
            shutil.copyfile(migrated(), home / "butt.sqlite3")
        if release and not (home / "releases" / release.name).exists():
            (home / "releases" / release.name).symlink_to(release)

    @property
    def door(self) -> Door:
        return Door(self.port)

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self.end_leftovers()

    def command(self) -> list[str]:
        command = [sys.executable, "-m", "butt", "up", "--home", str(self.home)]
        return [*command, "--port", str(self.port), "--private-port", str(self.private_port)]

    def up(self) -> None:
        self.log = (self.home / "up.log").open("ab")
        self.process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for(self._is_up, self.patience)

    def down(self) -> None:
        """Stop it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=LONG)

    def kill(self) -> None:
        """Stop it as `kill -9` does; returns when its parts have noticed."""
        parts = psutil.Process(self.process.pid).children()
        self.process.kill()
        self.process.wait()
        _, left = psutil.wait_procs(parts, timeout=LONG)
        assert not left, f"parts of a killed butt up live on: {left}"

    def part(self, role: str) -> psutil.Process:
        """The process in which `role` runs; several may share it. Waits while it is being started again."""
        return wait_for(lambda: self._part(role), self.patience)

    def _part(self, role: str) -> psutil.Process | None:
        for child in psutil.Process(self.process.pid).children():
            title = " ".join(_arguments(child))
            if title.startswith("butt ") and role in title.partition(" --home ")[0].split():
                return child
        return None

    def pubs(self, bot: Any = None) -> list[psutil.Process]:
        """Every running pub of this service, or of this bot, found by the path of its configuration."""
        place = self.home / "bots" / bot["id"] if bot else self.home / "bots"
        return [p for p in psutil.process_iter() if str(place) in _last_argument(p)]

    def end_leftovers(self) -> None:
        """End what a test that failed halfway may have left running."""
        mine = [p for p in psutil.process_iter() if str(self.home) in " ".join(_arguments(p))]
        for process in mine:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(mine, timeout=10)
        shutil.rmtree(self.home, ignore_errors=True)

    def person(self, email: str) -> "Person":
        """A new person, who has registered."""
        answer = self.call("POST", "/authentication/register", {"email": email, "password": PASSWORD})
        return Person(self, answer["accessToken"], answer["agent"]["id"])

    def call(
        self, method: str, path: str, body: Any = None, token: str = "", expect: int | None = None
    ) -> Any:
        status, answer = self.ask(method, path, body, token)
        assert status == expect if expect else status < 400, f"{method} {path}: {status} {answer}"
        return answer

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Accept", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout=LONG) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def _is_up(self) -> bool:
        assert self.process.poll() is None, (self.home / "up.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/up", timeout=1) as response:
                return bool(response.status == 200) and self._has_its_private_server()
        except OSError:
            return False

    def _has_its_private_server(self) -> bool:
        """Where it is one of the parts, it may listen later than the public one. It may be in another network namespace."""
        if "up" not in self.command():
            return True
        sockets = "".join(
            Path(f"/proc/{self.process.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")
        )
        return re.search(rf":{self.private_port:04X} [0-9A-F]+:[0-9A-F]+ {LISTENING} ", sockets) is not None


class Person:
    """A person with an access token."""

    def __init__(self, site: Service, token: str, agent_id: str) -> None:
        self.site, self.token, self.id = site, token, agent_id

    def call(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        return self.site.call(method, path, body, self.token, expect)

    def names_a_bot(self, name: str, **more: Any) -> Any:
        body = {"type": "bot", "name": name, "service": "pub", **more}
        return self.call("POST", "/agents", body, expect=201)

    def sees(self, bot: Any) -> Any:
        return self.call("GET", f"/agents/{bot['id']}")

    def asks(self, action: str, bot: Any) -> Any:
        return self.call("POST", f"/agents/{bot['id']}/{action}", expect=202)

    def waits_for(self, state: str, bot: Any, seconds: float = LONG) -> Any:
        def there() -> Any:
            seen = self.sees(bot)
            return seen if seen["state"] == state else None

        return wait_for(there, seconds)


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _last_argument(process: psutil.Process) -> str:
    return (_arguments(process) or [""])[-1]
