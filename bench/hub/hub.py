"""Our own JupyterHub with its stock spawner and stock single-user server, called over its REST API."""

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import psutil

from bench.asking import ask_until
from bench.hub.environment import BIN
from tests.lanes import free_ports

PATIENCE = 600
CONFIG = """\
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home/{{username}}"
c.Spawner.cmd = ["{bin}/jupyterhub-singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = c.Spawner.http_timeout = {patience}
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "scopes": ["admin:users", "admin:servers"], "services": ["bench"]}}]
c.JupyterHub.log_level = "WARN"
"""


class Hub:
    """`starts` takes names of people and returns the seconds until each one's server is ready."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._token = folder, secrets.token_hex(16)
        public, hub, proxy = free_ports(3)
        self._url = f"http://127.0.0.1:{public}/hub/api"
        filled = CONFIG.format(
            public=public, hub=hub, proxy=proxy, folder=folder, bin=BIN, token=self._token, patience=PATIENCE
        )
        (folder / "jupyterhub_config.py").write_text(filled)

    def __enter__(self) -> Self:
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        self._log = (self._folder / "log").open("wb")
        self.process = subprocess.Popen(
            [BIN / "jupyterhub"],
            cwd=self._folder,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 60
        while not self._is_up():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        servers = [process for process in self._descendants() if process not in self.control_plane()]
        self.process.terminate()
        self.process.wait(60)
        for process in servers:
            if process.is_running():
                process.kill()
        self._log.close()

    def starts(self, names: list[str]) -> float:
        for name in names:
            self._call("POST", f"/users/{name}")
        began = time.monotonic()
        self._for_each(names, "POST")
        wanted = set(names)
        try:
            ask_until(lambda: wanted <= self._ready(), PATIENCE)
        except TimeoutError:
            raise RuntimeError((self._folder / "log").read_text()) from None
        return time.monotonic() - began

    def _ready(self) -> set[str]:
        return {user["name"] for user in self._call("GET", "/users?state=ready&limit=200")}

    def end(self, names: list[str]) -> None:
        self._for_each(names, "DELETE")
        while self._call("GET", "/users?state=active&limit=200"):
            time.sleep(0.1)

    def _for_each(self, names: list[str], method: str) -> None:
        """All at once: the hub lets each request wait up to 10 s for its server, so one after the other would
        never be many.
        """
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self._call(method, f"/users/{name}/server"), names))

    def control_plane(self) -> list[psutil.Process]:
        """The hub and its proxy, without people's servers."""
        own = psutil.Process(self.process.pid)
        return [
            own,
            *(child for child in own.children() if "configurable-http-proxy" in " ".join(child.cmdline())),
        ]

    def _descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def _is_up(self) -> bool:
        try:
            return isinstance(self._call("GET", "/users"), list)
        except (OSError, RuntimeError):
            return False

    def _call(self, method: str, path: str) -> Any:
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"token {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(body) if body else None
