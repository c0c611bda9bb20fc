"""The shipped proxy in front of a service in a test: only its ports and its folder differ."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.doors import Door
from tests.lanes import free_ports
from tests.programs import program
from tests.service import Service, wait_for

SHIPPED = Path(__file__).parents[1] / "deploy" / "Caddyfile"
DOMAIN = "butt.localhost"
"""Caddy makes certificates by itself for names below `localhost`."""


class Caddy:
    """`with Caddy(folder) as caddy:`; then start a service with `public_url=caddy.public.url`, and call `is_before(site)`."""

    def __init__(self, folder: Path) -> None:
        self._program = program("caddy")
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._https, self._http = free_ports(2)
        authority = str(folder / "pki" / "authorities" / "local" / "root.crt")
        self.public = Door(self._https, DOMAIN, authority)
        self.private = Door(self._https, f"private.{DOMAIN}", authority)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            # On a signal it would wait until everybody has disconnected.
            self.process.kill()
            self.process.wait(timeout=20)

    def is_before(self, site: Service) -> None:
        """Start the proxy, and wait until it answers for this service."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "BUTT_DOMAIN": DOMAIN,
            "BUTT_PUBLIC": f"127.0.0.1:{site.port}",
            "BUTT_PRIVATE": f"127.0.0.1:{site.private_port}",
        }
        adapt = [self._program, "adapt", "--config", str(SHIPPED)]
        shipped = subprocess.run(adapt, env=environment, check=True, capture_output=True, timeout=60)
        config = self._folder / "caddy.json"
        config.write_text(json.dumps(self._moved(json.loads(shipped.stdout))))
        with (self._folder / "caddy.log").open("wb") as log:
            run = [self._program, "run", "--config", str(config)]
            self.process = subprocess.Popen(run, env=environment, stdout=log, stderr=log)
        wait_for(self._is_up)

    def _moved(self, config: Any) -> Any:
        """The shipped configuration with other ports, which nobody can change while it runs."""
        web = config["apps"]["http"]
        web |= {"http_port": self._http, "https_port": self._https}
        for server in web["servers"].values():
            server["listen"] = [f":{self._https}"]
        own = {"certificate_authorities": {"local": {"install_trust": False}}}
        config["apps"]["pki"] = own
        config["admin"] = {"disabled": True}
        config["storage"] = {"module": "file_system", "root": str(self._folder)}
        return config

    def _is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self._folder / "caddy.log").read_text()
        try:
            self.public.connects().close()
            self.private.connects().close()
        except OSError:
            return False
        return True
