"""Somebody with an ssb-server of their own, who accepts invites."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.stock import StockServer


class Guest:
    """A stock ssb-server on the main network; `accept` is what its `invite.accept` does."""

    def __init__(self, stock: Path, folder: Path) -> None:
        self._server = StockServer(stock, folder)
        self._server.spawn()
        _done(self._server.answers())
        self.id = self._server.address.key

    def accept(self, code: str, patience: float = 30) -> Any:
        return self.call("invite.accept", code, patience=patience)

    def is_called(self, name: str) -> None:
        self.call("publish", {"type": "about", "about": self.id, "name": name})

    def call(self, name: str, *arguments: Any, patience: float = 30) -> Any:
        return _done(self._server.call(name, *arguments, patience=patience))

    def leave(self) -> None:
        self._server.kill()


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: tests in a browser have a running event loop in theirs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
