"""A real Salt master, with the configuration that we ship, in a folder of its own."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import yaml

from butt.hosts.salt.calls import PATIENCE
from butt.hosts.salt.results import Returned
from butt.machines.keys import new_pair
from tests.lanes import free_ports
from tests.salt.land import HERE
from tests.salt.machine import ROOT, SALT, Daemon, Engine, Minion, run
from tests.service import wait_for


class Master:
    def __init__(self, private_server: str, token_file: Path, files: Path) -> None:
        # A socket's path is short, a test's folder is not.
        self.folder = Path(tempfile.mkdtemp(prefix="bm"))
        self.keys = self.folder / "pki"
        self.publish, self.returns = free_ports(2)
        config = yaml.safe_load((ROOT / "salt" / "master.conf").read_text())
        (pillar,) = config["ext_pillar"]
        pillar["http_json"] |= {
            "url": f"{private_server}/agents/%s",
            "token_file": str(token_file),
            "timeout": 3,
        }
        config |= {
            "root_dir": str(self.folder),
            "pki_dir": "/pki",
            "user": "root",
            "interface": HERE,
            "publish_port": self.publish,
            "ret_port": self.returns,
            "worker_threads": 2,
            "module_dirs": [str(ROOT / "salt")],
            "file_roots": {"base": [str(ROOT / "salt" / "files"), str(files)]},
            "log_level": "info",
        }
        (self.folder / "etc").mkdir()
        (self.folder / "etc" / "master").write_text(json.dumps(config))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        command = [str(SALT / "salt-master"), "--config-dir", str(self.folder / "etc")]
        self.daemon = Daemon(command, self.folder / "log")
        wait_for((self.keys / "master.pub").exists)

    def knows(self, minion_id: str, engine: Engine, url: str, **options: Any) -> Minion:
        """A minion whose key the master has before it calls."""
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
        command = [str(SALT / "python"), str(ROOT / "salt" / "call.py"), str(self.folder / "etc")]
        said = json.loads(run(*command, text=json.dumps(asked), timeout=200, check=False) or "null")
        return Returned(said is not None, **(said or {}))

    def apply(self, minion_id: str) -> Returned:
        return self.call(minion_id, "state.apply", "butt", queue=True, sync_mods="modules,states")

    def jobs(self) -> list[Path]:
        """A file for each job it has given out, with its number in it."""
        return list(self.folder.glob("var/lib/butt/salt/cache/jobs/*/*/jid"))

    def waits_for(self, *minions: Minion) -> None:
        """Until each of them has connected and answers: what is published before that is lost, which takes long to see."""
        for minion in minions:
            wait_for(lambda log=minion.log: "Minion is ready to receive requests" in log.read_text(), 120)
            wait_for(lambda name=minion.id: self.call(name, "test.ping").value is True, 120)
