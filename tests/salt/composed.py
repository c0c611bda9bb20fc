"""The composition as it is shipped, run by docker-compose in a Docker Engine of its own. Its images are made here."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.installing.over_tls import Site
from tests.salt.images import bring_images
from tests.salt.machine import ROOT, Engine, Minion
from tests.service import wait_for
from tests.stopwatch import Stopwatch

DOMAIN = "butt.localhost"
"""For names below `localhost`, Caddy makes certificates by itself."""

PATIENT = 300.0
COMPOSE = ("docker-compose", "-p", "butt", "--env-file", "deploy/butt.env", "-f", "deploy/compose.yaml")
"""As the guide says it."""


class Composition:
    """`with Composition(folder, engine, settings) as it:` all of it has been started."""

    def __init__(self, folder: Path, engine: Engine, settings: dict[str, str], clock: Stopwatch) -> None:
        self.folder, self.engine, self._clock = folder, engine, clock
        self._settings = {
            "BUTT_DOMAIN": DOMAIN,
            "BUTT_SALT_MASTER": engine.place.address,
            "BUTT_EMAIL_URL": "console:",
            "BUTT_BILLING": "free",
            "POSTGRES_PASSWORD": "a/b@c#d",
            **settings,
        }
        self.minion: ComposedMinion | None = None

    def __enter__(self) -> Self:
        bring_images(self.engine)
        self._clock.tell("the images are made")
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")
        text = (self.folder / "deploy" / "butt.env.example").read_text()
        for name, value in self._settings.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            text += "" if count else f"{name}={value}\n"
        (self.folder / "deploy" / "butt.env").write_text(text)
        self.compose("up", "-d", "--no-build")
        self._clock.tell("docker-compose has started all parts")
        return self

    def __exit__(self, *_: object) -> None:
        # Shown where the test has failed.
        sys.stdout.write(self.logs())
        if self.minion:
            sys.stdout.write(f"\n--- minion\n{self.minion.log.read_text()[-3000:]}")
            self.minion.end()

    def compose(self, *arguments: str) -> str:
        done = subprocess.run(
            [*COMPOSE, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{self.engine.socket}"},
            capture_output=True,
            text=True,
            timeout=2 * PATIENT,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:] + self.logs()
        return done.stdout

    def logs(self) -> str:
        """How each container is, and the end of what it said."""
        return "".join(f"\n--- {name}: {state}\n{self._said(name)}" for name, state in self.states().items())

    def _said(self, name: str) -> str:
        command = ["/usr/bin/docker", "--host", f"unix://{self.engine.socket}", "logs", "--tail", "20", name]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        return (done.stdout + done.stderr)[-1500:]

    def site(self) -> Site:
        """The site, once Caddy has a certificate for it and the public server answers."""
        authority = self._volume("caddy") / "caddy/pki/authorities/local/root.crt"
        wait_for(authority.exists, PATIENT)
        site = Site(DOMAIN, self.engine.place.address, authority)
        wait_for(lambda: site.status("/up") == "200", PATIENT)
        return site

    def machine(self, engine: Engine, site: Site) -> "ComposedMinion":
        """One joins, with what `butt machine add` made for it."""
        made = Path(self.compose("exec", "-T", "steward", "butt", "machine", "add").split()[-1])
        folder = Path(tempfile.mkdtemp(prefix="bn"))
        shutil.copytree(self._volume("home") / made.relative_to("/var/lib/butt"), folder / "pki")
        self.minion = ComposedMinion(
            folder,
            engine.place,
            engine,
            id=made.name,
            master=self.engine.place.address,
            pki_dir="/pki",
            butt={"report": {"url": f"https://private.{DOMAIN}", "token_file": str(folder / "pki/token")}},
        )
        self.minion.joins(site)
        return self.minion

    def is_healthy(self) -> bool:
        """Whether every part is, as its health check says, and the migration has ended well."""
        return all(
            state.startswith("Exited (0)") if "migrate" in name else "(healthy)" in state
            for name, state in self.states().items()
        )

    def states(self) -> dict[str, str]:
        """How Docker says that each container is."""
        rows = self.engine.docker("ps", "-a", "--format", "{{.Names}}\t{{.Status}}").splitlines()
        return dict(row.split("\t") for row in rows)

    def _volume(self, name: str) -> Path:
        said = self.engine.docker("volume", "inspect", f"butt_{name}", "--format", "{{.Mountpoint}}")
        return Path(said.strip())


class ComposedMinion(Minion):
    """It finds the control plane by its name, and trusts who signed its certificate."""

    def joins(self, site: Site) -> None:
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{site.address} {DOMAIN} private.{DOMAIN}\n")
        # The shell becomes the program, in a mount namespace of its own.
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        self.wrapping = ("unshare", "--mount", "sh", "-c", script, str(hosts))
        self.environment = {**os.environ, "SSL_CERT_FILE": str(site.authority)}
        self.start()
