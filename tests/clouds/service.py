"""The whole service over a cloud: the stand-in, whose servers boot as machines that really join and run containers."""

import os
import shlex
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests
import scaleway_standin
from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY, Server, StandIn

from tests.clouds.debian import image, lay_bases
from tests.clouds.nspawn import first_process
from tests.salt.base import base_archives
from tests.salt.land import HERE, POOL, PREFIX, Land, run
from tests.salt.machine import ROOT, SALT
from tests.salt.service import DOMAIN, SaltService
from tests.service import wait_for

PROGRAMS = Path(__file__).with_name("machine")
DELAYS = {"create_volume": 0.2, "boot": 0.5, "stop": 0.5, "detach": 0.2, "resize": 0.2, "snapshot": 0.2}


def boot_command(land: Land) -> str:
    """Machines whose root is this machine's own, with a program in place of systemd: they are up within a second."""
    standin = Path(scaleway_standin.__file__).parents[1]
    path = f"{PROGRAMS}:{SALT}:{os.environ['PATH']}"
    bases = shlex.quote(" ".join(f"{image}={archive}" for image, archive in base_archives().items()))
    given = f"BASES={bases} PYTHONPATH={standin} PATH={path}"
    options = f"--bridge {land.bridge} --prefix {PREFIX} --mount 1=/var/lib/butt --run {PROGRAMS}/init --while {os.getpid()}"
    return f"env {given} {sys.executable} -m scaleway_standin.boot {options}"


def systemd_command(land: Land, folder: Path, lives_with: int) -> str:
    """Machines that boot like a provider's image: Debian, systemd, cloud-init. They end with the process
    `lives_with`.
    """
    image()
    lay_bases(folder, base_archives())
    path = f"{Path(scaleway_standin.__file__).parents[1]}:{ROOT}"
    options = f"--bridge {land.bridge} --bases {folder} --while {lives_with}"
    return f"env PYTHONPATH={path} {sys.executable} -m tests.clouds.nspawn {options}"


class CloudService(SaltService):
    """`boot` is the stand-in's boot command.

    A thread keeps the hosts file equal to the stand-in's DNS records, in place of a name server."""

    def __init__(self, home: Path, release: Path, boot: str, **settings: object) -> None:
        self.standin = StandIn(home / "scaleway", boot=boot, dns_zones=(DOMAIN,), ipv4_pool=POOL)
        self.provider = Server(self.standin)
        given = {
            "cloud": "scaleway",
            "scaleway_access_key": ACCESS_KEY,
            "scaleway_secret_key": SECRET_KEY,
            "scaleway_project": PROJECT,
            "scaleway_zones": "fr-par-1 nl-ams-1",
            "scaleway_domain": DOMAIN,
            "scaleway_url": self.provider.url,
            "scaleway_calls": 50,
        }
        super().__init__(home, release, **{**given, **settings})
        self.environment["BUTT_SALT_MASTER"] = f"{HERE}:{self.master.returns}"
        self._over = threading.Event()
        self._names = threading.Thread(target=self._keep_names, daemon=True)

    def __enter__(self) -> Self:
        self.provider.__enter__()
        self.steer("delays", **DELAYS)
        self._names.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        # Before its folder is gone.
        self._over.set()
        self._names.join()
        try:
            super().__exit__(*error)
        finally:
            self.provider.__exit__(*error)
            self.standin.close()

    def waits_for_stock(self) -> None:
        """Until it is known what can be had: no bot is accepted before."""
        self._waits("from butt.clouds.models import Stock", "Stock.objects.exists()")

    def waits_for_sequence(self, bot: Any, latest: int) -> None:
        """Until this is the highest sequence that the monitor has seen."""
        seen = f"Observed.objects.get(bot={bot['id']!r}).sequence"
        self._waits("from butt.agents.models import Observed", f"{seen} == {latest}")

    def steer(self, what: str, **wish: Any) -> None:
        answer = requests.post(f"{self.provider.url}/_standin/{what}", json=wish, timeout=10)
        answer.raise_for_status()

    def account(self) -> dict[str, list[dict[str, Any]]]:
        """Everything at the stand-in, except what an empty account has."""
        answer = requests.get(f"{self.provider.url}/_standin/state", timeout=10).json()
        has: dict[str, list[dict[str, Any]]] = {kind: list(answer[kind]) for kind in KINDS}
        has["group"] = [group for group in has["group"] if not group["project_default"]]
        return has

    def machine_of(self, server: str) -> Path:
        """The folder of the machine behind this server."""
        return self.standin.machines.folder(server)

    def runs(self, server: str, *command: str) -> str:
        """What a command prints on that machine."""
        first = first_process(self.machine_of(server))
        assert first, "the machine runs"
        return run("nsenter", f"--target={first.pid}", "--all", *command)

    def cuts_the_power(self, server: str) -> None:
        """Cut its power and restore it: the machine boots again."""
        os.kill(self.standin.world.kinds["machine"][server]["pid"], signal.SIGUSR1)

    def takes_snapshot(self, volume: str) -> str:
        """Take a snapshot as the keeper does each day; returns its id once it exists."""
        (found,) = [row for row in self.account()["volume"] if row["id"] == volume]
        body = {"volume_id": volume, "name": found["name"], "tags": found["tags"], "project_id": PROJECT}
        made = self._api("POST", f"/block/v1/zones/{found['zone']}/snapshots", body)
        wait_for(
            lambda: any(
                row["id"] == made["id"] and row["status"] == "available" for row in self.account()["snapshot"]
            )
        )
        return str(made["id"])

    def _api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"X-Auth-Token": SECRET_KEY}
        answer = requests.request(
            method, f"{self.provider.url}{path}", json=body, headers=headers, timeout=60
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _keep_names(self) -> None:
        plain = Path("/etc/hosts").read_text()
        while not self._over.wait(0.2):
            with suppress(requests.RequestException):
                rows = [row for row in self.account()["record"] if row["type"] == "A"]
                names = [f"{row['data']} {row['name']}.{DOMAIN}\n" for row in rows]
                self.hosts.write_text(plain + "".join(names))


KINDS = ("server", "volume", "snapshot", "ip", "group", "record")
