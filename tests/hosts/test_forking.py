"""Bots that are forked from a process which has the modules of their release loaded, under a real supervisord.

`loaded` is such a module: it remembers the process that loaded it, which is the bot itself if the bot was executed.
"""

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest
from supervisor import events, loggers
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from butt.environment import FOR_ALL
from butt.hosts import Order, processes
from butt.hosts.local_reader import LocalReader
from butt.hosts.processes import Processes
from butt.sources.releases import Built, build
from butt.supervisord import forking
from tests.lanes import free_ports
from tests.service import wait_for
from tests.sources.conftest import settings_of
from tests.sources.tiny import write_python

__all__ = ["settings_of"]

FIRST, SECOND, THIRD = (uuid.UUID(int=number) for number in (1, 2, 3))
LOADED = "import os\npid = os.getpid()\n"
TELL_AND_STAY = """
import json, os, sys, time
import loaded
print(json.dumps({"pid": os.getpid(), "loaded by": loaded.pid}), flush=True)
time.sleep(600)
"""


class Home:
    """A host in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = Processes(folder)

    def built(
        self, name: str, program: str = TELL_AND_STAY, loaded: str = LOADED, preload: bool = True
    ) -> Built:
        source = self.folder / "sources" / name
        write_python(source, program, [])
        (source / "loaded.py").write_text(loaded)
        if preload:
            with (source / "pyproject.toml").open("a") as project:
                project.write('preload = ["loaded"]\n')
        return build(source)

    def orders(
        self, bot_id: uuid.UUID, made: Built, launch: int = 1, *, run: bool = True, port: int = 0
    ) -> None:
        self.host.apply(Order(bot_id, run, launch, "127.0.0.1", "127.0.0.1", port, made.key, False, (), 0))

    def starts(self, bot_id: uuid.UUID, made: Built, launch: int = 1) -> Any:
        """What the bot says of itself at this start."""
        before = len(self.said(bot_id))
        self.orders(bot_id, made, launch)
        return wait_for(lambda: self.said(bot_id)[before:])[0]

    def stops(self, bot_id: uuid.UUID, made: Built, launch: int = 1) -> None:
        self.orders(bot_id, made, launch, run=False)
        wait_for(lambda: not self.runs(bot_id))
        # supervisord hears later of the end: until then an order to start it would only be taken at the next round.
        wait_for(lambda: not self.host.look([bot_id])[bot_id].running)

    def said(self, bot_id: uuid.UUID) -> list[Any]:
        if not (self.host.bots / str(bot_id)).exists():
            return []
        lines = LocalReader(self.folder).log(bot_id, 1 << 16).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def runs(self, bot_id: uuid.UUID) -> list[psutil.Process]:
        folder = self.host.bots / str(bot_id)
        return [one for one in psutil.process_iter() if processes._runs_below(one, folder)]

    def writes_program_like(self, one: uuid.UUID, other: uuid.UUID) -> Path:
        """The other bot's program for supervisord, as the host would have written it."""
        program = self.folder / "supervisor" / "programs" / f"{other}.conf"
        program.write_text(program.with_name(f"{one}.conf").read_text().replace(str(one), str(other)))
        (self.host.bots / str(other) / "log").mkdir(parents=True)
        (self.host.bots / str(other) / "config.json").write_text("{}")
        return program

    def supervisord(self) -> psutil.Process:
        return psutil.Process(int((self.folder / "supervisor" / "supervisord.pid").read_text()))

    def supervisord_said(self) -> str:
        return (self.folder / "supervisor" / "supervisord.log").read_text()

    def fork_servers(self, made: Built) -> list[psutil.Process]:
        mark = f"fork-server of {made.path}"
        return [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or ())]


@pytest.fixture
def home(tmp_path: Path, settings_of: Callable[..., None]) -> Iterator[Home]:
    settings_of(home=tmp_path)
    home = Home(tmp_path)
    yield home
    home.host.stop_all()


def was_forked(said: Any) -> bool:
    return bool(said["pid"] != said["loaded by"])


def _asks_in_vain(home: Home, program: Path) -> None:
    with pytest.raises((OSError, HTTPException)):
        home.host._supervisor._once(lambda proxy: proxy.supervisor.runProgram(str(program)))


ALL_OF_A_PROCESS = """
import atexit, gc, json, os, resource, signal, socket, sys, threading, time
import loaded
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
streams = (sys.stdin, sys.stdout, sys.stderr)
print(json.dumps({
    "pid": os.getpid(),
    "loaded by": loaded.pid,
    "parent": os.getppid(),
    "group": os.getpgrp() == os.getpid(),
    "session": os.getsid(0),
    "status": {name: status[name].strip() for name in (
        "Name", "Umask", "Uid", "Gid", "Groups", "Threads", "NoNewPrivs", "Seccomp",
        "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapEff", "CapBnd", "CapAmb")},
    "handlers": {number.name: repr(signal.getsignal(number)) for number in signal.valid_signals()
        if isinstance(number, signal.Signals)},
    "alarm": signal.alarm(0),
    "arguments": open("/proc/self/cmdline").read().split("\\0"),
    "argv": sys.argv,
    "orig_argv": sys.orig_argv,
    "path": sys.path,
    "flags": repr(sys.flags),
    "executable": sys.executable,
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "files": {name: os.readlink(f"/proc/self/fd/{name}").partition("[")[0] for name in "012"},
    "more files": [name for name in os.listdir("/proc/self/fd")
        if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}")],
    "blocking": [os.get_blocking(number) for number in range(3)],
    "inheritable": [os.get_inheritable(number) for number in range(3)],
    "streams": [repr((s, s.line_buffering, s.write_through, s.seekable(), s.errors)) for s in streams],
    "limits": [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")],
    "oom": open("/proc/self/oom_score_adj").read(),
    "cgroup": open("/proc/self/cgroup").read(),
    "nice": os.nice(0),
    "affinity": sorted(os.sched_getaffinity(0)),
    "gc": [gc.isenabled(), gc.get_threshold(), gc.callbacks],
    "threads": [thread.name for thread in threading.enumerate()],
    "main thread": threading.main_thread() is threading.current_thread(),
    "at exit": atexit._ncallbacks(),
    "main": sorted(vars(sys.modules["__main__"])),
    "recursion": sys.getrecursionlimit(),
    "switching": sys.getswitchinterval(),
    "default timeout": socket.getdefaulttimeout(),
    "zone": time.tzname,
}), flush=True)
time.sleep(600)
"""


def test_a_forked_bot_finds_everything_as_an_executed_one_does(home: Home):
    plain, preloaded = (
        home.built("plain", ALL_OF_A_PROCESS, preload=False),
        home.built("pub", ALL_OF_A_PROCESS),
    )
    executed = home.starts(FIRST, plain)
    home.stops(FIRST, plain)
    forked = home.starts(FIRST, preloaded, 2)
    assert not was_forked(executed)
    assert was_forked(forked)
    forked = json.loads(json.dumps(forked).replace(preloaded.key, plain.key))
    for own in ("pid", "loaded by"):
        del executed[own], forked[own]
    assert forked == executed


def test_all_bots_of_a_release_are_forked_from_one_process_and_have_random_numbers_of_their_own(home: Home):
    made = home.built(
        "pub",
        "import json, loaded, os, random, time\n"
        "print(json.dumps({'pid': os.getpid(), 'loaded by': loaded.pid, 'random': random.random()}), flush=True)\n"
        "time.sleep(600)\n",
        f"import random\n{LOADED}",
    )
    said = [home.starts(bot_id, made) for bot_id in (FIRST, SECOND, THIRD)]
    [server] = home.fork_servers(made)
    assert {each["loaded by"] for each in said} == {server.pid}
    assert len({each["random"] for each in said}) == 3
    assert {psutil.Process(each["pid"]).parent() for each in said} == {home.supervisord()}


def test_the_real_pub_is_forked_and_ends_as_it_should(home: Home, built_pub: Path):
    (home.folder / "releases").mkdir()
    (home.folder / "releases" / built_pub.name).symlink_to(built_pub)
    made = Built(built_pub.name, home.folder / "releases" / built_pub.name)
    home.orders(FIRST, made, port=free_ports(1)[0])
    wait_for(lambda: any(line["event"] == "listening" for line in home.said(FIRST)))
    [pub] = home.runs(FIRST)
    assert pub.cmdline() == [*made.command, str(home.host.bots / str(FIRST) / "config.json")]
    assert home.fork_servers(made), home.supervisord_said()
    assert "executed, not forked" not in home.supervisord_said()
    home.stops(FIRST, made)
    wait_for(lambda: f"stopped: {FIRST} (exit status 0)" in home.supervisord_said())


def test_a_bot_that_dies_is_forked_again(home: Home):
    made = home.built("pub")
    first = home.starts(FIRST, made)
    wait_for(lambda: f"success: {FIRST} entered RUNNING" in home.supervisord_said())
    os.kill(first["pid"], signal.SIGKILL)
    again = wait_for(lambda: home.said(FIRST)[1:])[0]
    assert again["pid"] != first["pid"]
    assert again["loaded by"] == first["loaded by"]
    assert [one.pid for one in home.runs(FIRST)] == [again["pid"]]


def test_the_exit_code_of_a_forked_bot_arrives(home: Home):
    made = home.built(
        "pub",
        f"{TELL_AND_STAY.replace('600', '1.5')}\nimport atexit\natexit.register(print, 'bye')\nsys.exit(23)",
    )
    home.starts(FIRST, made)
    wait_for(lambda: f"exited: {FIRST} (exit status 23; not expected)" in home.supervisord_said())
    assert "bye" in LocalReader(home.folder).log(FIRST, 1 << 16)


def test_a_start_that_failed_is_repeated_by_executing(home: Home):
    fails = "loaded.pid == os.getpid() or sys.exit(1)\ntime.sleep"
    made = home.built("pub", TELL_AND_STAY.replace("time.sleep", fails))
    assert was_forked(home.starts(FIRST, made))
    wait_for(lambda: any(not was_forked(said) for said in home.said(FIRST)))


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        ("raise ValueError('not today')", "not today"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "starts threads",
        ),
        ("file = open(__file__)", "opens files"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "terminated by SIGKILL"),
        ("import time\ntime.sleep(600)", ""),
    ],
)
def test_a_release_that_cannot_be_forked_is_executed(home: Home, loaded: str, words: str):
    """Loading is done by the fork server alone: the bot itself does not get there."""
    program = TELL_AND_STAY.replace("import loaded", "").replace("loaded.pid", "os.getpid()")
    made = home.built("pub", program, loaded)
    assert not was_forked(home.starts(FIRST, made))
    assert not was_forked(home.starts(SECOND, made))
    wait_for(lambda: words in home.supervisord_said())
    assert len(home.runs(FIRST)) == len(home.runs(SECOND)) == 1
    assert f"{FIRST} is executed, not forked" in home.supervisord_said()


def test_a_fork_server_that_hangs_is_ended_and_bots_are_executed(home: Home):
    made = home.built("pub")
    home.starts(FIRST, made)
    [server] = home.fork_servers(made)
    server.suspend()
    assert not was_forked(home.starts(SECOND, made))
    wait_for(lambda: not server.is_running())
    assert len(home.runs(FIRST)) == len(home.runs(SECOND)) == 1


def test_a_fork_server_that_names_the_process_of_another_bot_is_not_believed(home: Home):
    lie = home.folder / "lie"
    lies = f"import os\nown = os.getpid\nos.getpid = lambda: int(open({str(lie)!r}).read())"
    lie.write_text("0")
    made = home.built("pub", loaded=f"{lies} or own()\npid = own()")
    first = home.starts(FIRST, made)
    lie.write_text(str(home.runs(FIRST)[0].pid))
    home.starts(SECOND, made)
    assert f"{SECOND} is executed, not forked" in home.supervisord_said()
    assert "which is known already" in home.supervisord_said()
    [one], [other] = home.runs(FIRST), home.runs(SECOND)
    assert one.pid != other.pid
    assert first["loaded by"] != one.pid, "it was forked"


def test_killing_a_fork_server_affects_no_bot_and_the_next_is_forked_from_another(home: Home):
    made = home.built("pub")
    first = home.starts(FIRST, made)
    [server] = home.fork_servers(made)
    server.kill()
    wait_for(lambda: f"fork server {server.pid} ended" in home.supervisord_said())
    second = home.starts(SECOND, made)
    assert was_forked(second)
    assert second["loaded by"] != server.pid
    assert [one.pid for one in home.runs(FIRST)] == [first["pid"]]


def test_a_bot_that_cannot_be_given_its_folder_keeps_no_other_from_being_forked(home: Home):
    made = home.built("pub")
    home.starts(FIRST, made)
    program = home.writes_program_like(FIRST, SECOND)
    program.write_text(program.read_text().replace(f"directory={home.host.bots}", "directory=/nowhere"))
    home.host._supervisor.call("runProgram", str(program))
    wait_for(lambda: "couldn't chdir to /nowhere" in LocalReader(home.folder).log(SECOND, 1 << 16))
    assert was_forked(home.starts(THIRD, made))


@pytest.mark.parametrize("also_the_fork_server", [False, True])
def test_forked_orphans_of_a_killed_supervisord_are_ended(home: Home, also_the_fork_server: bool):
    made = home.built("pub")
    first = home.starts(FIRST, made)
    [server] = home.fork_servers(made)
    killed = [home.supervisord(), *([server] if also_the_fork_server else [])]
    for each in killed:
        each.kill()
    wait_for(lambda: not server.is_running())
    assert [one.pid for one in home.runs(FIRST)] == [first["pid"]]
    again = home.starts(FIRST, made, 2)
    assert was_forked(again)
    assert [one.pid for one in home.runs(FIRST)] == [again["pid"]]


def test_a_bot_is_not_started_by_a_supervisord_that_was_killed_meanwhile(home: Home):
    """The order is already with the fork server. What it forks is nobody's child, so it ends before its first line."""
    made = home.built("pub")
    home.starts(FIRST, made)
    [server], supervisord = home.fork_servers(made), home.supervisord()
    program = home.writes_program_like(FIRST, SECOND)
    files = supervisord.num_fds()
    server.suspend()
    asking = threading.Thread(target=_asks_in_vain, args=(home, program))
    asking.start()
    # The pipes of the new process, and the socket on which it would report.
    wait_for(lambda: supervisord.num_fds() > files + 3)
    time.sleep(0.2)
    supervisord.kill()
    asking.join()
    server.resume()
    wait_for(lambda: not server.is_running())
    time.sleep(0.3)
    assert home.runs(SECOND) == []
    assert home.said(SECOND) == []


def test_a_bot_moves_to_another_release_while_the_fork_server_of_the_earlier_one_lives(home: Home):
    earlier, later = home.built("earlier"), home.built("later", f"{TELL_AND_STAY}\n# later")
    before = home.starts(FIRST, earlier)
    home.stops(FIRST, earlier)
    after = home.starts(FIRST, later, 2)
    assert was_forked(before)
    assert was_forked(after)
    assert before["loaded by"] != after["loaded by"]
    assert home.fork_servers(earlier)
    assert home.fork_servers(later)


def test_nobody_else_has_the_socket_of_a_fork_server(home: Home):
    made = home.built("pub")
    said = [home.starts(bot_id, made) for bot_id in (FIRST, SECOND)]
    for each in said:
        assert psutil.Process(each["pid"]).num_fds() == 3


def test_a_fork_server_knows_no_more_than_a_bot(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BUTT_SECRET_KEY", "not for bots")
    made = home.built("pub")
    home.starts(FIRST, made)
    [server] = home.fork_servers(made)
    assert set(server.environ()) <= FOR_ALL
    assert server.cwd() == "/"


def test_a_fork_server_that_few_bots_use_ends(home: Home, monkeypatch: pytest.MonkeyPatch):
    """It would take more memory than it saves."""
    made = home.built("pub")
    supervisord = Supervisor(ServerOptions())
    supervisord.options.logger = loggers.getLogger()
    servers = forking.ForkServers(supervisord)
    command = forking.SharedCommand(
        tuple(made.command[: made.command.index("-c")]), json.dumps(made.preload), 1000
    )
    server = servers._servers[command] = forking.ForkServer(supervisord.options, command)
    try:
        events.notify(events.Tick60Event(0, supervisord))
        assert command in servers._servers, "somebody may need it in a moment"
        monkeypatch.setattr(forking, "IDLE_SECONDS", -1)
        events.notify(events.Tick60Event(0, supervisord))
        assert servers._servers == {}
        pid, status = os.waitpid(server.pid, 0)
        server.finish(pid, status)
        assert os.WTERMSIG(status) == signal.SIGKILL
    finally:
        events.clear()
