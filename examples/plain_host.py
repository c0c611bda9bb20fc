"""A host without a supervisor: each bot is a process, and what is known of it lies in its folder.

It keeps the folders as the host `processes` does, so `butt.hosts.local_reader:LocalReader` reads them.
"""

import contextlib
import fcntl
import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from butt.hosts import trial
from butt.hosts.interface import Folder, HostTrouble, Order, Sighting
from butt.hosts.local_reader import tail
from butt.hosts.ports import free_port
from butt.hosts.pub_state import id_in
from butt.hosts.publog import LastWords, last_words
from butt.services.pub_config import pub_config
from butt.sources.releases import release
from scuttlekit.files import write_whole

PATIENCE = 10.0
"""For how many seconds a bot that was told to end may take."""

UNKNOWN = 70


class PlainHost:
    """A `Host`. `home` is the service's home folder. A bot has a `config.json` as long as it is to run."""

    def __init__(self, home: Path) -> None:
        self.bots = home / "bots"
        self.bots.mkdir(parents=True, exist_ok=True)
        self._children: dict[uuid.UUID, subprocess.Popen[bytes]] = {}
        self._told: dict[uuid.UUID, float] = {}

    def free_port(self, taken: frozenset[int]) -> int:
        return free_port(taken)

    def apply(self, order: Order) -> None:
        folder = self._folder(order.bot_id)
        folder.path.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            process = self._process(order.bot_id)
            if not order.run:
                folder.config.unlink(missing_ok=True)
                self._end(order.bot_id, process)
            elif _launch(folder) != order.launch:
                # The steward asks again, so nobody waits here for the earlier one.
                self._end(order.bot_id, process) if process else self._start(order, folder)

    def adopt(self, bot_id: uuid.UUID, data: Path) -> None:
        folder = self._folder(bot_id)
        if folder.data.exists():
            return
        if not data.exists():
            raise HostTrouble("the data that was brought for it is gone")
        folder.path.mkdir(parents=True, exist_ok=True)
        try:
            data.rename(folder.data)
        except OSError as error:
            raise HostTrouble(f"its data cannot be placed: {error.strerror}") from error

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        running = self._running()
        folders = {bot_id: self._folder(bot_id) for bot_id in bot_ids}
        return {i: self._sighting(folder, running) for i, folder in folders.items() if folder.path.exists()}

    def destroy(self, bot_id: uuid.UUID) -> None:
        if self._process(bot_id):
            raise HostTrouble("it still runs")
        folder = self._folder(bot_id).path
        # Renamed first: half a bot must never be taken for one.
        grave = folder.with_name(f".{folder.name}")
        shutil.rmtree(grave, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(folder.rename(grave))

    def stop_all(self) -> None:
        processes = list(self._running().values())
        for process in processes:
            _signal(process.terminate)
        for stubborn in psutil.wait_procs(processes, timeout=PATIENCE)[1]:
            _signal(stubborn.kill)

    def _start(self, order: Order, folder: Folder) -> None:
        if misfit := release(order.release).misfit:
            raise HostTrouble(misfit)
        folder.data.mkdir(exist_ok=True, mode=0o700)
        folder.log.parent.mkdir(exist_ok=True)
        trial.prepare(folder.data, order.release, on_trial=order.on_trial)
        # Written whole before the start: killed in between, this launch has ended without a word, and there is a next one.
        config = {"path": str(folder.data), "host": order.bind, **pub_config(asdict(order))}
        write_whole(folder.config, json.dumps(config))
        with folder.log.open("wb") as log:
            self._children[order.bot_id] = subprocess.Popen(
                [*release(order.release).command, str(folder.config)],
                cwd=folder.path,
                env={"HOME": str(folder.path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._told.pop(order.bot_id, None)

    def _end(self, bot_id: uuid.UUID, process: psutil.Process | None) -> None:
        if process is None:
            self._told.pop(bot_id, None)
        elif time.monotonic() > self._told.setdefault(bot_id, time.monotonic()) + PATIENCE:
            _signal(process.kill)
        else:
            _signal(process.terminate)

    def _sighting(self, folder: Folder, running: Mapping[Path, psutil.Process]) -> Sighting:
        ssb_id = id_in(folder)
        if folder.config in running:
            return Sighting(running=True, ssb_id=ssb_id)
        if not folder.config.exists():
            return Sighting(ssb_id=ssb_id)
        trial.make_room(folder.data)
        # Each start begins its log anew, so whatever is there was said by this launch.
        words = last_words(tail(folder.log, 16384), datetime.min.replace(tzinfo=UTC)) or LastWords.none(
            UNKNOWN
        )
        return Sighting(ended=words.message, exit_code=words.code, ssb_id=ssb_id)

    def _process(self, bot_id: uuid.UUID) -> psutil.Process | None:
        return self._running().get(self._folder(bot_id).config)

    def _running(self) -> Mapping[Path, psutil.Process]:
        """Every process of ours by its configuration, also those that an earlier steward left behind."""
        for child in self._children.values():
            child.poll()
        found = ((_configured(process), process) for process in psutil.process_iter())
        return {config: process for config, process in found if config and config.is_relative_to(self.bots)}

    def _folder(self, bot_id: uuid.UUID) -> Folder:
        return Folder(self.bots / str(bot_id))


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Two stewards may apply at once; between looking for a process and starting one, nobody else may."""
    with (folder.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _configured(process: psutil.Process) -> Path | None:
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return None
    return Path(arguments[-1]) if arguments and arguments[-1].endswith("/config.json") else None


def _launch(folder: Folder) -> int | None:
    try:
        return int(json.loads(folder.config.read_bytes())["launch"])
    except FileNotFoundError:
        return None


def _signal(send: Any) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        send()
