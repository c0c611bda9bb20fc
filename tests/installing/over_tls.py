"""Requests of a public server as they come from elsewhere: through Caddy, over TLS."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.salt.land import run
from tests.service import Person
from tests.visitor import PASSWORD


@dataclass(frozen=True)
class Site:
    """At `address`, under `domain`. `authority` has signed its certificate, and `inside` leads to where one asks from."""

    domain: str
    address: str
    authority: Path
    inside: Sequence[str] = ()

    def person(self, email: str) -> Person:
        """Somebody who registers."""
        made = self.call("POST", "/authentication/register", {"email": email, "password": PASSWORD})
        return Person(self, made["accessToken"], made["agent"]["id"])

    def status(self, path: str) -> str:
        """Of an answer; `000` where there is none yet."""
        asks = ("-o", "/dev/null", "-w", "%{http_code}", f"https://{self.domain}{path}")
        return run(*self.inside, *self._curl(), *asks, check=False)

    def call(
        self, method: str, path: str, body: Any = None, token: str = "", expect: int | None = None
    ) -> Any:
        command = [*self._curl(), "-X", method]
        command += ["-H", "Accept: application/json", "-w", "\n%{http_code}", "-H", "@-"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        command.append(f"https://{self.domain}{path}")
        said = run(*self.inside, *command, text=f"Authorization: Bearer {token}\n" if token else "")
        text, _, status = said.rpartition("\n")
        assert int(status) == expect if expect else int(status) < 400, f"{method} {path}: {status} {text}"
        return json.loads(text or "null")

    def _curl(self) -> list[str]:
        # It takes any name below `localhost` for its own machine.
        there = ("--connect-to", f"::{self.address}:443")
        return ["curl", "-sS", "--max-time", "60", "--cacert", str(self.authority), *there]
