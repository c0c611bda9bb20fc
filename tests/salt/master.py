"""A real Salt master, as `butt salt-master` runs it, in its own home folder: tests choose only settings."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from butt.hosts.salt.calls import PATIENCE
from butt.hosts.salt.client import SaltClient
from butt.hosts.salt.results import Returned
from butt.machines.keys import new_pair
from tests.lanes import free_ports
from tests.salt.land import HERE
from tests.salt.machine import ROOT, SALT, Daemon, Engine, Minion
from tests.service import wait_for


class Master:
    def __init__(self, private_server: str, token_file: Path, files: Path) -> None:
        # A socket's path is short, a test's folder is not.
        self.folder = Path(tempfile.mkdtemp(prefix="bm"))
        self.keys = self.folder / "salt" / "pki" / "master"
        self.config = self.folder / "salt" / "config"
        self.publish, self.returns = free_ports(2)
        # Each of its workers loads all of Salt, and a few machines need no five of them.
        (self.config / "master.d").mkdir(parents=True)
        (self.config / "master.d" / "tests.conf").write_text("worker_threads: 3\n")
        (self.folder / "salt" / "files").symlink_to(files)
        (self.folder / "private-token").symlink_to(token_file)
        place = urlsplit(private_server)
        command = [str(SALT / "python"), str(ROOT / "salt" / "call.py"), str(self.config)]
        self.client = SaltClient(lambda: command)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUTT_")},
            "BUTT_HOME": str(self.folder),
            "BUTT_PRIVATE_BIND": str(place.hostname),
            "BUTT_PRIVATE_PORT": str(place.port),
            "BUTT_SALT_BIND": HERE,
            "BUTT_SALT_MASTER": f"{HERE}:{self.returns}",
            "BUTT_SALT_PROGRAMS": str(SALT),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.end()
        self.daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        command = [sys.executable, "-m", "butt", "salt-master"]
        self.daemon = Daemon(command, self.folder / "log", self.environment)
        wait_for((self.keys / "master.pub").exists)

    def knows(self, minion_id: str, engine: Engine, url: str, **options: Any) -> Minion:
        """A minion whose key the master has before it connects."""
        folder = Path(tempfile.mkdtemp(prefix="bn"))
        secret, public = new_pair()
        (self.keys / "minions").mkdir(parents=True, exist_ok=True)
        (self.keys / "minions" / minion_id).write_text(public)
        (folder / "pki").mkdir()
        (folder / "pki" / "minion.pem").write_text(secret)
        (folder / "pki" / "minion.pub").write_text(public)
        (folder / "token").write_text("token")
        report = {"url": url, "token_file": str(folder / "token")}
        return Minion(
            folder, engine.place, engine, **self.options(minion_id), butt={"report": report}, **options
        )

    def options(self, minion_id: str) -> dict[str, Any]:
        return {
            "id": minion_id,
            "master": HERE,
            "publish_port": self.publish,
            "master_port": self.returns,
            "pki_dir": "/pki",
        }

    def call(self, minion_id: str, function: str, *arguments: str, **options: Any) -> Returned:
        """As the host calls it."""
        asked = {"tgt": minion_id, "fun": function, "arg": arguments, "kwarg": options, "timeout": PATIENCE}
        said = self.client.ask(200, asked)
        return Returned(said is not None, **(said or {}))

    def apply(self, minion_id: str) -> Returned:
        return self.call(minion_id, "state.apply", "butt", queue=True, sync_mods="modules,states")

    def jobs(self) -> list[Path]:
        """A file for each job it has given out, with its number in it."""
        return list(self.folder.glob("salt/cache/jobs/*/*/jid"))

    def waits_for(self, *minions: Minion) -> None:
        """Until each of them has connected and answers: what is published before that is lost, which takes
        long to notice.
        """
        for minion in minions:
            wait_for(lambda log=minion.log: "Minion is ready to receive requests" in log.read_text(), 120)
            wait_for(lambda name=minion.id: self.call(name, "test.ping").value is True, 120)
