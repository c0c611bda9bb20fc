"""Apps that people use, as far as they matter to a pub: their unchanged modules from npm, each in a Node
process of its own.
"""

import json
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from butt.sources.releases import build
from tests.pub.pubs import CAPS, NODE, Pub

SETS = Path(__file__).parent / "sets"
PATIENCE = 60


class App:
    """One app of the set `name`, with its data in `folder`, which a later one may continue; `network` is a
    key.
    """

    def __init__(self, name: str, folder: Path, network: str = CAPS["shs"]) -> None:
        self.name = name
        self.folder = folder
        (folder / "data").mkdir(parents=True, exist_ok=True)
        self._config = folder / "config.json"
        modules = str(build(SETS / name).path)
        self._config.write_text(
            json.dumps({"set": name, "modules": modules, "path": str(folder / "data"), "caps": network})
        )
        self.start()
        self.id = self("id")

    def start(self) -> Self:
        self.errors = (self.folder / "errors").open("ab")
        self.process = subprocess.Popen(
            [NODE, Path(__file__).with_name("client.js"), self._config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self._asked: dict[int, Future[Any]] = {}
        self._last = 0
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        return self

    def __call__(self, call: str, *args: Any, patience: float = PATIENCE) -> Any:
        """The app's answer. Raises `RuntimeError` with its message."""
        self._last += 1
        answer = self._asked[self._last] = Future()
        self.process.stdin.write(json.dumps({"id": self._last, "call": call, "args": args}) + "\n")
        self.process.stdin.flush()
        return answer.result(patience)

    def kill(self) -> None:
        """End it as a phone ends an app."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self._close()

    @property
    def addresses(self) -> Path:
        """The file in which it keeps other peers' addresses."""
        return self.folder / "data" / "conn.json"

    def has_written(self, text: str) -> bool:
        """Whether its log on disk has a message with this text. Manyverse writes some 250 ms after it
        acknowledges.
        """
        logs = (self.folder / "data" / "db2" / "log.bipf", self.folder / "data" / "flume" / "log.offset")
        return any(text.encode() in log.read_bytes() for log in logs if log.exists())

    def would_find(self, pub: str) -> bool:
        """Whether it would dial the pub after a sudden end: it notes after two seconds how to reach it."""
        noted = json.loads(self.addresses.read_text()) if self.addresses.exists() else {}
        # Manyverse dials only peers that it follows or takes for rooms, and Oasis those whose key it knows.
        shows = (
            (lambda one: one["type"] == "room") if self.name == "manyverse" else (lambda one: one.get("key"))
        )
        return any(shows(one) for address, one in noted.items() if pub[1:-8] in address)

    def texts(self, feed: str) -> list[str | None]:
        """The texts of the posts of a feed that the app has; None for what it cannot read."""
        return self("texts", feed)

    def has_noted(self, pub: Pub) -> bool:
        """Whether it would know the pub's address after a sudden end: it saves that after two seconds without
        changes.
        """
        return pub.id in (self.folder / "data" / "conn.json").read_text()

    def is_connected(self, pub: Pub) -> bool:
        return any(pub.id[1:-8] in address for address in self("connected"))

    def _close(self) -> None:
        self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            stream.close()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout:
            answer = json.loads(line)
            asked = self._asked.pop(answer["id"], None)
            if asked and answer["error"]:
                asked.set_exception(RuntimeError(answer["error"]))
            elif asked:
                asked.set_result(answer.get("value"))
        for asked in list(self._asked.values()):
            asked.set_exception(RuntimeError("the app ended"))
