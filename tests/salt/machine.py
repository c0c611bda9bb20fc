"""A machine: a Docker Engine and a Salt minion in a namespace of their own."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from tests.salt.base import base_archives
from tests.salt.land import HERE, Namespace, run
from tests.service import wait_for

ROOT = Path(__file__).parents[2]
SALT = ROOT / ".salt" / "bin"

_NO_RULES = """\
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT
:INPUT ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
COMMIT
"""


class Daemon:
    """A program that runs until it is ended; what it says is in `log`."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=file, env=environment, start_new_session=True
            )

    def family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """As `kill -9` does, with all that it started."""
        family = self.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)
        psutil.wait_procs(family, timeout=10)

    def terminate(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            self.kill()


class Engine:
    """`with Engine(folder, place):` a Docker Engine that has nothing but an image with Python.

    `archives` are the tars of other ones.
    """

    def __init__(
        self, folder: Path, place: Namespace, archives: Callable[[], Mapping[str, Path]] = base_archives
    ) -> None:
        self.folder, self.place, self._archives = folder, place, archives
        # A socket's path is short, a test's folder is not.
        self.socket = f"/run/{place.name}.docker"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        for image, archive in self._archives().items():
            self.docker("import", str(archive), image)
        return self

    def __exit__(self, *_: object) -> None:
        containers = self.docker("ps", "-aq", check=False).split()
        if containers:
            self.docker("rm", "-f", *containers, check=False)
        self.daemon.terminate()
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unmount(self) -> None:
        below = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in below:
            if mount.startswith(f"{self.folder}/"):
                run("umount", "--lazy", mount, check=False)

    def start(self) -> None:
        options = {
            "data-root": self.folder / "data",
            "exec-root": self.folder / "exec",
            "pidfile": self.folder / "pid",
            "host": f"unix://{self.socket}",
        }
        (self.folder / "pid").unlink(missing_ok=True)
        command = ["dockerd", *(f"--{name}={value}" for name, value in options.items())]
        self.daemon = Daemon(self.place.command(*command), self.folder / "log")
        wait_for(self.is_up)

    def crash(self) -> None:
        """The machine's power fails: every process is gone, and whatever lay in memory."""
        self.daemon.kill()
        shims = [
            p
            for p in psutil.process_iter()
            if "containerd-shim" in _name(p) and str(self.folder) in _arguments(p)
        ]
        for process in [p for shim in shims for p in (*shim.children(recursive=True), shim)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._unmount()
        shutil.rmtree(self.folder / "exec", ignore_errors=True)
        run(*self.place.command("iptables-restore"), text=_NO_RULES)
        for bridge in ("butt0", "docker0"):
            self.place.run("ip", "link", "del", bridge, check=False)

    def is_up(self) -> bool:
        assert self.daemon.process.poll() is None, self.daemon.log.read_text()[-3000:]
        return self.docker("version", "--format", "{{.Server.Version}}", check=False)[:1].isdigit()

    def docker(self, *arguments: str, check: bool = True) -> str:
        return run("/usr/bin/docker", "--host", f"unix://{self.socket}", *arguments, check=check, timeout=900)

    def bots(self, *, alive: bool = True) -> dict[str, str]:
        """The containers of bots by their names, each with its own id."""
        rows = self.docker(
            "ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}", *([] if alive else ["-a"])
        ).split("\n")
        pairs = [row.split() for row in rows if row.startswith("butt-")]
        return {name.removeprefix("butt-"): number for name, number in pairs}

    def volumes(self) -> set[str]:
        return {
            name.removeprefix("butt-")
            for name in self.docker("volume", "ls", "-q").split()
            if name.startswith("butt-")
        }

    def beside(self, bot_id: str) -> set[str]:
        """What lies beside the bot's data, with the data itself."""
        return {path.name for path in self.place_of(bot_id).iterdir()}

    def place_of(self, bot_id: str) -> Path:
        """The folder of the bot's volume; its data is in `_data` below it."""
        said = self.docker("volume", "inspect", f"butt-{bot_id}", "-f", "{{.Mountpoint}}")
        return Path(said.strip()).parent

    def has_image(self, release: str) -> bool:
        return bool(self.docker("images", "-q", f"butt-pub:{release}").strip())

    def clear(self) -> None:
        """Remove every bot, as no service ever would."""
        names = [f"butt-{bot_id}" for bot_id in self.bots(alive=False)]
        if names:
            self.docker("rm", "-f", *names)
        for bot_id in self.volumes():
            self.docker("volume", "rm", "-f", f"butt-{bot_id}")

    def inspect(self, bot_id: str) -> Any:
        return json.loads(self.docker("inspect", f"butt-{bot_id}"))[0]


class Minion:
    """A minion in the namespace of its machine, with the keys of `bundle`."""

    def __init__(self, folder: Path, place: Namespace, engine: Engine, **options: Any) -> None:
        self.folder, self.place, self.engine = folder, place, engine
        given = yaml.safe_load((ROOT / "salt" / "minion.conf").read_text())
        ours = {**given["butt"], "docker": f"unix://{engine.socket}", "home": str(folder / "butt")}
        given |= {
            "root_dir": str(folder),
            "user": "root",
            "log_level": "info",
            "recon_default": 200,
            "recon_max": 1000,
            **options,
            "butt": ours | options.get("butt", {}),
        }
        (folder / "etc").mkdir(parents=True, exist_ok=True)
        (folder / "etc" / "minion").write_text(json.dumps(given))
        self.id = given["id"]

    def end(self) -> None:
        """And leave nothing."""
        self.daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    def alone(cls, folder: Path, engine: Engine, url: str, files: Path) -> Self:
        """One without a master, that does as the private server at `url` tells."""
        folder.mkdir(exist_ok=True)
        token = folder / "token"
        token.write_text("token")
        return cls(
            folder,
            engine.place,
            engine,
            id="alone",
            file_client="local",
            schedule={},
            grains_cache=True,
            file_roots={"base": [str(ROOT / "salt" / "files"), str(files)]},
            module_dirs=[str(ROOT / "salt"), str(ROOT / "salt" / "files")],
            ext_pillar=[{"http_json": {"url": f"{url}/agents/%s", "token_file": str(token), "timeout": 3}}],
            butt={"report": {"url": url, "token_file": str(token)}},
        )

    wrapping: Sequence[str] = ()
    """What its command is begun with."""

    environment: dict[str, str] | None = None

    def start(self) -> None:
        program = (str(SALT / "salt-minion"), "--config-dir", str(self.folder / "etc"))
        self.daemon = Daemon(self.place.command(*self.wrapping, *program), self.log, self.environment)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def call(self, *arguments: str, check: bool = False) -> tuple[int, Any]:
        """`salt-call` on the machine itself: its return code, and what it returned."""
        options = ("--config-dir", str(self.folder / "etc"), "--out=json", "--retcode-passthrough")
        done = self.caller.asks(*options, *arguments)
        try:
            answer = json.loads(done["out"])["local"]
        except (ValueError, KeyError, TypeError):
            answer = done["out"] + done["err"]
        assert done["code"] == 0 or not check, f"{done['code']}: {answer} {done['err'][-3000:]}"
        return done["code"], answer

    @cached_property
    def caller(self) -> "Caller":
        return Caller(self.place)


class Caller:
    """Calls Salt in the namespace of a machine. It ends with us, or with the namespace."""

    def __init__(self, place: Namespace) -> None:
        command = place.command(str(SALT / "python"), str(Path(__file__).with_name("caller.py")))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def asks(self, *arguments: str) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _arguments(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


__all__ = ["HERE", "ROOT", "SALT", "Daemon", "Engine", "Minion"]
