"""Bots as processes of this machine, under a supervisord that outlives the service.

A bot's folder is `HOME/bots/ID`: `config.json`, `data/` and `log/`. The launch in `config.json` says which start the process
belongs to; when supervisord restarts a process that died, the launch stays the same.
"""

import json
import os
import shlex
import shutil
import signal
import threading
import time
import uuid
import xmlrpc.client  # nosec B411 # it speaks to supervisord alone, over a socket of the home folder
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from supervisor.states import STOPPED_STATES, ProcessStates
from supervisor.xmlrpc import Faults

from butt.agents.wake import wake_steward
from butt.hosts import disk_quota, exits, trial
from butt.hosts.adopting import take_over
from butt.hosts.disk_watch import DiskWatch, size_of, why_stopped
from butt.hosts.interface import Folder, HostTrouble, Order, Settled, Sighting
from butt.hosts.local_reader import tail
from butt.hosts.looking import each_looked_at
from butt.hosts.orphans import GRAVE, OrphanedBot, orphans_in
from butt.hosts.ports import free_port
from butt.hosts.pub_state import id_in, newest_in, sequence_in
from butt.hosts.publog import LastWords, last_words
from butt.hosts.readiness import Readiness
from butt.hosts.supervisor import Supervisor, escaped, socket_in
from butt.services.pub_config import pub_config
from butt.sources.releases import release
from scuttlekit.files import write_whole

STOP_SECONDS = 10

_PROGRAM = """\
[program:{name}]
command={command}
directory={folder}
environment=HOME="{folder}",NOTIFY_SOCKET="{ready}"
autostart=false
autorestart=unexpected
exitcodes=0,{final}
startsecs=1
startretries=4
stopwaitsecs={stop_seconds}
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=3
preload={preload}
"""


class Processes:
    """A `Host` and `BackgroundWork`. `home` is the service's home folder."""

    def __init__(self, home: Path) -> None:
        self.bots = home / "bots"
        self.bots.mkdir(parents=True, exist_ok=True)
        self._supervisor = Supervisor(home / "supervisor", self._before_another)
        self._ready = socket_in(home / "supervisor", "ready", "-ready")
        self._latest: dict[Path, tuple[int, Any]] = {}

    def work(self, go_on: Callable[[], bool]) -> None:
        """Watch the disk, and hear which bots are ready."""
        readiness = Readiness(self._ready, self.bots, lambda ready: wake_steward(*ready))
        threading.Thread(target=readiness.run, args=(go_on,), name="readiness", daemon=True).start()
        DiskWatch(self.bots, self.end_at_once).run(go_on)

    def free_port(self, taken: frozenset[int]) -> int:
        return free_port(taken)

    def apply(self, order: Order) -> None:
        with _its_folder():
            if order.run:
                self._start(order)
            else:
                self._stop(str(order.bot_id))

    def adopt(self, bot_id: uuid.UUID, data: Path) -> None:
        with _its_folder():
            take_over(data, self._folder(bot_id).data)

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        names = [str(bot_id) for bot_id in bot_ids]
        rows = dict(zip(names, self._supervisor.call_for_each("getProcessInfo", names), strict=True))
        return each_looked_at(bot_ids, lambda bot_id: self._look_at(bot_id, rows[str(bot_id)]))

    def destroy(self, bot_id: uuid.UUID) -> None:
        name, folder = str(bot_id), self._folder(bot_id)
        if self._state(name) not in (None, *STOPPED_STATES):
            raise HostTrouble("it still runs")
        self._forget(name)
        grave = folder.path.with_name(f"{GRAVE}{name}")
        with _its_folder():
            if grave.exists():
                shutil.rmtree(grave)
            if folder.path.exists():
                shutil.rmtree(folder.path.rename(grave))
        self._latest.pop(folder.path, None)

    def orphans(self, known: Container[uuid.UUID]) -> list[OrphanedBot]:
        found = orphans_in(self.bots, self._supervisor.programs)
        return [orphan for orphan in found if orphan.bot_id not in known]

    def remove(self, orphan: OrphanedBot) -> None:
        was_up = self._supervisor.is_up()
        self._stop(str(orphan.bot_id))
        deadline = time.monotonic() + 2 * STOP_SECONDS
        while self._state(str(orphan.bot_id)) not in (None, *STOPPED_STATES):
            if time.monotonic() > deadline:
                raise HostTrouble("it does not stop")
            time.sleep(0.05)
        self.destroy(orphan.bot_id)
        if not was_up:
            self._supervisor.shut_down()

    def stop_all(self) -> None:
        """Stop all bots at once and supervisord last: by itself it would stop them one by one, a second each."""
        if self._supervisor.is_up():
            self._supervisor.call("stopAllProcesses", False)
            deadline = time.monotonic() + 2 * STOP_SECONDS
            while self._any_runs() and time.monotonic() < deadline:
                time.sleep(0.05)
        self._supervisor.shut_down()

    def end_at_once(self, name: str) -> None:
        """End a bot's processes without waiting for them. supervisord does not start it again."""
        row = self._row(name) if self._supervisor.is_up() else None
        if row is None or row["state"] in STOPPED_STATES:
            return
        self._stop(name)
        with suppress(ProcessLookupError):
            # supervisord makes each of its programs the leader of a process group.
            if row["pid"]:
                os.killpg(row["pid"], signal.SIGKILL)

    def _start(self, order: Order) -> None:
        name, folder = str(order.bot_id), self._folder(order.bot_id)
        state, known = self._state(name), _launch_in(folder.config)
        if known == order.launch and (
            state not in (None, ProcessStates.STOPPED) or trial.is_full(folder.data)
        ):
            if not order.on_trial:
                trial.end(folder.data, order.release)
            self._set_limit(folder, order)
            return
        if state not in (None, *STOPPED_STATES):
            self._stop(name)
            return
        if folder.moved.exists():
            raise HostTrouble(
                "it was moved to a machine: set BUTT_HOST=salt, as an identity never runs twice"
            )
        if misfit := release(order.release).misfit:
            raise HostTrouble(misfit)
        folder.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.log.parent.mkdir(exist_ok=True)
        trial.prepare(folder.data, order.release, on_trial=order.on_trial)
        self._set_limit(folder, order)
        free = shutil.disk_usage(folder.path).free
        if not disk_quota.may_start(folder.path, lambda: size_of(folder), free):
            return
        disk_quota.forget_stop(folder.path)
        config = {"path": str(folder.data), "host": order.bind, **pub_config(asdict(order))}
        write_whole(folder.config, json.dumps(config, indent=1))
        program = self._supervisor.programs / f"{name}.conf"
        text = self._program(name, order, folder)
        if not (program.exists() and program.read_text() == text):
            write_whole(program, text)
        self._run(name, program)

    def _program(self, name: str, order: Order, folder: Folder) -> str:
        made = release(order.release)
        command = shlex.join([*made.command, str(folder.config)])
        return _PROGRAM.format(
            name=name,
            command=escaped(command),
            folder=escaped(folder.path),
            ready=escaped(self._ready),
            final=",".join(map(str, exits.FINAL)),
            stop_seconds=STOP_SECONDS,
            log=escaped(folder.log),
            preload=escaped(json.dumps(made.preload) if made.preload else ""),
        )

    def _set_limit(self, folder: Folder, order: Order) -> None:
        disk_quota.set_limit(folder.path, order.disk, lambda: size_of(folder))

    def _stop(self, name: str) -> None:
        self._quietly((Faults.BAD_NAME, Faults.NOT_RUNNING), "stopProcess", name, False)

    def _run(self, name: str, program: Path) -> None:
        try:
            self._quietly(Faults.ALREADY_STARTED, "runProgram", str(program))
        except UnknownCall:
            # A supervisord that an earlier release started.
            if self._state(name) is not None:
                self._supervisor.call("removeProcessGroup", name)
            self._supervisor.call("reloadConfig")
            self._quietly(Faults.ALREADY_ADDED, "addProcessGroup", name)
            self._quietly(Faults.ALREADY_STARTED, "startProcess", name, False)

    def _forget(self, name: str) -> None:
        (self._supervisor.programs / f"{name}.conf").unlink(missing_ok=True)
        self._quietly(Faults.BAD_NAME, "removeProcessGroup", name)

    def _any_runs(self) -> bool:
        rows = self._supervisor.call("getAllProcessInfo")
        return any(row["state"] not in STOPPED_STATES for row in rows)

    def _row(self, name: str) -> dict[str, Any] | None:
        """What supervisord says about a process; None if it does not know the name."""
        row: dict[str, Any] | None = self._quietly(Faults.BAD_NAME, "getProcessInfo", name)
        return row

    def _state(self, name: str) -> int | None:
        row = self._row(name)
        return None if row is None else int(row["state"])

    def _quietly(self, harmless: int | tuple[int, ...], method: str, *args: Any) -> Any:
        """Call supervisord; None for a fault that says things are that way already. Raises `HostTrouble`."""
        try:
            return self._supervisor.call(method, *args)
        except xmlrpc.client.Fault as fault:
            _unless_harmless(fault, harmless, method)
            return None

    def _look_at(self, bot_id: uuid.UUID, row: Any) -> Sighting | None:
        """None for a bot that has left no trace. `row` is what supervisord says of it, or its fault."""
        folder = self._folder(bot_id)
        if not folder.path.exists():
            return None
        if isinstance(row, xmlrpc.client.Fault):
            _unless_harmless(row, Faults.BAD_NAME, "getProcessInfo")
            row = None
        with _its_folder():
            return self._sighting(folder, row)

    def _sighting(self, folder: Folder, row: dict[str, Any] | None) -> Sighting:
        ssb_id = id_in(folder)
        if trial.is_full(folder.data):
            return self._ended_for_room(folder, row, ssb_id)
        if stop := disk_quota.stopped(folder.path):
            return self._ended_for_disk(folder, row, ssb_id, why_stopped(stop))
        if row is None or row["state"] == ProcessStates.STOPPED:
            return Sighting(ssb_id=ssb_id, latest=self._newest(folder, ssb_id))
        over = row["state"] in (ProcessStates.EXITED, ProcessStates.FATAL)
        if not (over or row["state"] == ProcessStates.BACKOFF):
            return Sighting(running=True, ssb_id=ssb_id, settled=partial(_settled, folder))
        if over:
            trial.make_room(folder.data)
        # supervisord forgets the exit code of a process that ended early and retries it; the pub's log has both.
        words = last_words(tail(folder.log, 16384), datetime.fromtimestamp(row["start"], UTC))
        words = words or LastWords.none(int(row["exitstatus"]))
        if not over and words.code not in exits.FINAL:
            return Sighting(running=True, ssb_id=ssb_id)
        latest = self._newest(folder, ssb_id)
        return Sighting(not over, words.message, words.code, ssb_id, latest)

    def _newest(self, folder: Folder, ssb_id: str | None) -> Any:
        """The pub's newest message, searched for once per sequence that it noted."""
        noted = sequence_in(folder)
        if not (noted and ssb_id) or trial.is_on(folder.data):
            return None
        if self._latest.get(folder.path, (0,))[0] != noted:
            self._latest[folder.path] = (noted, newest_in(folder, ssb_id))
        return self._latest[folder.path][1]

    def _ended_for_room(self, folder: Folder, row: dict[str, Any] | None, ssb_id: str | None) -> Sighting:
        """The bot ends first and the ballast goes after that: a running bot would fill that space too."""
        if row is not None and row["state"] not in STOPPED_STATES:
            self._stop(folder.path.name)
            return Sighting(running=True, ssb_id=ssb_id)
        trial.give_room(folder.data)
        words = LastWords.none(exits.DISK_FULL)
        return Sighting(ended=words.message, exit_code=words.code, ssb_id=ssb_id)

    def _ended_for_disk(
        self, folder: Folder, row: dict[str, Any] | None, ssb_id: str | None, why: str
    ) -> Sighting:
        if row is not None and row["state"] not in STOPPED_STATES:
            self.end_at_once(folder.path.name)
            return Sighting(running=True, ssb_id=ssb_id)
        latest = self._newest(folder, ssb_id)
        return Sighting(ended=why, exit_code=exits.DISK_FULL, ssb_id=ssb_id, latest=latest)

    def _folder(self, bot_id: uuid.UUID) -> Folder:
        return Folder(self.bots / str(bot_id))

    def _before_another(self) -> None:
        self._end_orphans()
        # With one folder missing, as after the loss of a disk, supervisord would not start for any bot.
        for program in self._supervisor.programs.glob("*.conf"):
            if not Folder(self.bots / program.stem).log.parent.is_dir():
                program.unlink()

    def _end_orphans(self) -> None:
        """End bots whose supervisord was killed: a new one would start them a second time."""
        orphans = [p for p in psutil.process_iter() if _runs_below(p, self.bots)]
        for process in orphans:
            process.terminate()
        _, stubborn = psutil.wait_procs(orphans, timeout=STOP_SECONDS)
        for process in stubborn:
            process.kill()
        if psutil.wait_procs(stubborn, timeout=STOP_SECONDS)[1]:
            raise HostTrouble("a bot of an earlier supervisord does not end")


@contextmanager
def _its_folder() -> Iterator[None]:
    """A folder that cannot be read is the trouble of that bot alone."""
    try:
        yield
    except OSError as error:
        words = error.strerror or "it fails"
        raise HostTrouble(f"its folder cannot be used: {words[:1].lower()}{words[1:]}") from error


class UnknownCall(HostTrouble):
    """A call that this supervisord does not have."""


def _unless_harmless(fault: xmlrpc.client.Fault, harmless: int | tuple[int, ...], method: str) -> None:
    """Raise `HostTrouble` unless the fault says that things are that way already."""
    if fault.faultCode in (harmless if isinstance(harmless, tuple) else (harmless,)):
        return
    kind = UnknownCall if fault.faultCode == Faults.UNKNOWN_METHOD else HostTrouble
    raise kind(f"supervisord refuses {method}: {fault.faultString}") from fault


def _settled(folder: Folder) -> Settled | None:
    launch, limit = _launch_in(folder.config), disk_quota.noted_limit(folder.path)
    return None if launch is None or limit is None or trial.is_kept(folder.data) else Settled(launch, limit)


def _launch_in(config: Path) -> int | None:
    try:
        return int(json.loads(config.read_bytes())["launch"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runs_below(process: psutil.Process, folder: Path) -> bool:
    """Whether it is a pub with its configuration below `folder`; a program that reads a log there is not."""
    try:
        last = Path(process.cmdline()[-1])
    except (psutil.Error, IndexError):
        return False
    return last.name == "config.json" and folder in last.parents
