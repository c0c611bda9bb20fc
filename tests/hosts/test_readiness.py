"""A pub tells when it is ready, so that nobody has to look at it again and again while it starts."""

import os
import queue
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.hosts import Order
from butt.hosts.processes import Processes
from butt.hosts.readiness import Readiness
from tests.lanes import free_ports
from tests.service import LONG, wait_for

BOT = uuid.UUID(int=7)
PROGRAM = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), sys.argv[2])"


class Ear:
    def __init__(self, path: Path, bots: Path) -> None:
        self.path, self._goes_on = path, True
        self._heard = queue.Queue[set[uuid.UUID]]()
        readiness = Readiness(path, bots, self._heard.put)
        threading.Thread(target=readiness.run, args=(lambda: self._goes_on,), daemon=True).start()
        wait_for(path.exists)

    def next(self) -> set[uuid.UUID]:
        return self._heard.get(timeout=LONG)

    def says(self, word: str, *last: object) -> None:
        """Have a process with this last argument say `word`."""
        command = [sys.executable, "-c", PROGRAM, word, str(self.path), *map(str, last)]
        subprocess.run(command, check=True)

    def end(self) -> None:
        self._goes_on = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", str(self.path))


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    (tmp_path / "supervisor").mkdir()
    made = Ear(tmp_path / "supervisor" / "ready", tmp_path / "bots")
    yield made
    made.end()


def test_a_pub_tells_that_it_is_ready_once_it_listens(tmp_path: Path, ear: Ear, built_pub: Path):
    host, port = Processes(tmp_path), free_ports(1)[0]
    try:
        host.apply(Order(BOT, True, 1, "127.0.0.1", "127.0.0.1", port, built_pub.name, False, (), 0))
        assert ear.next() == {BOT}
        socket.create_connection(("127.0.0.1", port)).close()
        assert host.look([BOT])[BOT].ssb_id
    finally:
        host.stop_all()


def test_only_the_process_of_a_bot_is_heard(tmp_path: Path, ear: Ear):
    ours, others = tmp_path / "bots" / str(BOT), tmp_path / "other" / str(BOT)
    ear.says("READY=1", others / "config.json")
    ear.says("READY=1", ours / "data")
    ear.says("READY=1", tmp_path / "bots" / "lost+found" / "config.json")
    ear.says("STOPPING=1", ours / "config.json")
    # This process belongs to no bot.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"READY=1", os.fspath(ear.path))
    with pytest.raises(queue.Empty):
        ear._heard.get(timeout=0.5)
