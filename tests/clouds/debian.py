"""Debians like a provider's images: systemd, Python, and cloud-init or nothing more.

mmdebstrap makes one of each release, which is kept. The images are copies of it, and apt adds what each
contains. The packages that are installed later are in the image as a repository, so a machine needs no
network. A machine's Salt comes from this checkout's own environment, because the Salt Project's packages are
in no registry that tests may rely on.
"""

import fcntl
import hashlib
import inspect
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.salt.machine import ROOT, SALT

KEPT = ROOT / "build" / "debian"
PYTHON = "python3.11"
BARE = ("systemd", "systemd-sysv", "dbus", "udev", "ca-certificates", "iproute2")


@dataclass(frozen=True)
class Debian:
    """`brings` is in the image, and `installs` in the repository beside it, for apt."""

    name: str
    suite: str
    python: str
    brings: tuple[str, ...]
    installs: tuple[str, ...]


MACHINE = Debian(
    "machine",
    "bookworm",
    PYTHON,
    (*BARE, "cloud-init", "e2fsprogs"),
    ("docker.io", "iptables", "openssh-server"),
)
"""What the first boot asks apt for, and with what a machine is reached that is not rented."""


def control(suite: str, python: str) -> Debian:
    """A bare one, and the packages that `butt install` asks apt for."""
    installs = ("postgresql", "caddy", "openssh-client", "gcc", "libc6-dev")
    installs += (f"{python}-dev", f"{python}-venv")
    return Debian(suite, suite, python, (*BARE, "python3", "python3-venv"), installs)


BOOKWORM, TRIXIE = control("bookworm", PYTHON), control("trixie", "python3.13")

UBUNTU, UBUNTUS_MIRROR = frozenset({"noble"}), "http://archive.ubuntu.com/ubuntu"
KEYS_OF_UBUNTU = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
KEYS_OF_DEBIAN = "usr/share/keyrings/debian-archive-keyring.gpg"

MERGED = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
"""Makes /bin a link to /usr/bin from the start, in releases that have it so: otherwise a package with Perl moves all files."""

NEEDS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "dpkg-deb": "dpkg"}
"""Programs of this machine, and the package of Debian that brings each."""

PACKAGES, SALT_PACKAGES, BASES, CUTS = "/srv/packages", "/opt/salt", "/srv/bases", "/srv/cuts"
"""Where a machine finds the repository, Salt's Python packages, the archives of images that bots are built on, and the
steps of its boot in which its power is to be cut."""

UNITS = {
    # systemd-nspawn leaves the controllers of cgroups read-only; a real machine may write them.
    "controllers": (
        "sysinit.target",
        """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for at in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$at" || true; done'
""",
    ),
    # In place of a registry.
    "bases": (
        "docker.service",
        f"""[Unit]
After=docker.service
Before=salt-minion.service
StartLimitIntervalSec=0
[Service]
Type=oneshot
Restart=on-failure
RestartSec=1
ExecStart=/bin/sh -c 'while read name file; do docker image inspect "$name" >/dev/null 2>&1 || docker import "$file" "$name"; done <{BASES}/list'
""",
    ),
    "salt-minion": (
        "",
        """[Unit]
After=network.target
[Service]
ExecStart=/usr/bin/salt-minion
[Install]
WantedBy=multi-user.target
""",
    ),
}
MINION = f"""#!/bin/sh
export PYTHONPATH={SALT_PACKAGES}
exec /usr/bin/python3 -c 'from salt.scripts import salt_minion; salt_minion()' "$@"
"""

STEP = f"""#!/bin/sh
# In front of the program with which the boot begins each step: one in which the power is to be cut never ends.
if mv "{CUTS}/$4" "{CUTS}/$4.begun" 2>/dev/null; then
    /usr/bin/timeout "$@"
    exec sleep infinity
fi
exec /usr/bin/timeout "$@"
"""


def image(debian: Debian = MACHINE) -> Path:
    """The folder with the image. Making it takes a minute or two, the first time."""
    missing = [package for program, package in NEEDS.items() if not shutil.which(program)]
    assert not missing, f"install what is missing: sudo apt-get install {' '.join(missing)}"
    how = (inspect.getsource(function) for function in (_base, _add_packages))
    origin = " ".join((debian.suite, *debian.brings, *debian.installs, *how))
    made = KEPT / f"{debian.name}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
    with _locked(debian.name):
        if not made.exists():
            for old in KEPT.glob(f"{debian.name}-*"):
                shutil.rmtree(old)
            base, draft = _base(debian.suite), KEPT / f"draft-{debian.name}"
            shutil.rmtree(draft, ignore_errors=True)
            _run("cp", "--archive", "--reflink=auto", str(base), str(draft))
            _add_packages(debian, draft)
            draft.rename(made)
    return made


def salt_packages() -> Path:
    """The packages of our Salt, for the image's Python."""
    packages = SALT.parent / "lib" / PYTHON / "site-packages"
    assert packages.is_dir(), f"{MACHINE.suite} has {PYTHON}: make Salt with it, `make salt PYTHON={PYTHON}`"
    return packages.resolve()


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Two images are made side by side, but none twice."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"lock-{name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _base(suite: str) -> Path:
    """The smallest part of a release that has apt, with what all images have."""
    made, draft = KEPT / f"base-{suite}", KEPT / f"draft-base-{suite}"
    with _locked(made.name):
        if not made.exists():
            shutil.rmtree(draft, ignore_errors=True)
            # What it mounts goes with it, also when it is killed.
            command = ["unshare", "--mount", "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
            # Most of the time went into waiting for the disk after each file. No kernel ends here, so nothing is lost.
            command += ["--dpkgopt=force-unsafe-io", *_of(suite)]
            _run(*command, f"--include={','.join(BARE)}", suite, str(draft), *_mirror(suite))
            draft.rename(made)
    return made


def _of(suite: str) -> list[str]:
    """What mmdebstrap is told of this release alone. For Ubuntu's keys, Debian 13 has a package."""
    if suite not in UBUNTU:
        return [f"--hook-dir={MERGED}"]
    trixie, keys = _base("trixie"), KEPT / "keys-of-ubuntu"
    if not keys.exists():
        _apt(trixie, "update")
        _downloads(trixie, ["ubuntu-keyring"])
        (package,) = (trixie / "var/cache/apt/archives").glob("ubuntu-keyring_*.deb")
        _run("dpkg-deb", "--extract", str(package), str(keys))
        package.unlink()
    # Ubuntu has the package for virtual environments in `universe`.
    brings = "--include=apt,ubuntu-keyring"
    return [f"--keyring={keys / KEYS_OF_UBUNTU}", "--components=main,universe", brings]


def _mirror(suite: str) -> list[str]:
    """The one that this machine's apt is configured with, if it is a Debian; otherwise mmdebstrap's own."""
    if suite in UBUNTU:
        return [UBUNTUS_MIRROR]
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout
    return said.split()[:1]


def _add_packages(debian: Debian, root: Path) -> None:
    """The packages that it contains, and a repository of those to be installed, with their dependencies."""
    archives, place = root / "var/cache/apt/archives", root / PACKAGES.lstrip("/")
    _apt(root, "update")
    _downloads(root, debian.brings)
    # Programs that it starts end with it.
    alone = ("unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc")
    inside = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", "--no-download")
    _run(*alone, "chroot", str(root), *inside, "--no-install-recommends", "install", *debian.brings)
    for package in archives.glob("*.deb"):
        package.unlink()
    _downloads(root, debian.installs)
    place.mkdir(parents=True)
    with (place / "Packages").open("w") as index:
        for package in sorted(archives.glob("*.deb")):
            content = package.read_bytes()
            index.write(f"{_fields(package)}Filename: ./{package.name}\nSize: {len(content)}\n")
            index.write(f"SHA256: {hashlib.sha256(content).hexdigest()}\n\n")
            package.rename(place / package.name)
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{PACKAGES} ./\n")
    for used in ("var/lib/apt/lists", "var/cache/apt"):
        for path in (root / used).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _downloads(root: Path, packages: Sequence[str]) -> None:
    _apt(root, "--yes", "--no-install-recommends", "--download-only", "install", *packages)


def _apt(root: Path, *arguments: str) -> None:
    """Run this machine's apt for the Debian in `root`, because apt is configured here to reach a mirror."""
    options = {
        "Dir::State": root / "var/lib/apt",
        "Dir::State::status": root / "var/lib/dpkg/status",
        "Dir::Cache": root / "var/cache/apt",
        "Dir::Etc::sourcelist": root / "etc/apt/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::trusted": next(
            root / keys for keys in (KEYS_OF_UBUNTU, KEYS_OF_DEBIAN) if (root / keys).exists()
        ),
        "Dir::Etc::trustedparts": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    _run("apt-get", "--quiet", *(f"--option={name}={value}" for name, value in options.items()), *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr}"


def _fields(package: Path) -> str:
    command = ["dpkg-deb", "--field", str(package)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def add_ours(root: Path) -> None:
    """Write to a machine's own layer over the image: stand-ins for a provider's network, a registry and
    Salt's packages.
    """
    units, conf = root / "etc/systemd/system", root / "etc/cloud/cloud.cfg.d"
    for folder in (units, conf, root / "usr/bin", root / "usr/local/bin"):
        folder.mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").write_text("")
    (conf / "99-here.cfg").write_text("datasource_list: [NoCloud]\nnetwork: {config: disabled}\n")
    for name, (wanted_by, text) in UNITS.items():
        (units / f"{name}.service").write_text(text)
        if wanted_by:
            (units / f"{wanted_by}.wants").mkdir()
            (units / f"{wanted_by}.wants" / f"{name}.service").symlink_to(f"../{name}.service")
    for name, text in {"usr/bin/salt-minion": MINION, "usr/local/bin/timeout": STEP}.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    for place in (SALT_PACKAGES, BASES, CUTS):
        (root / place.lstrip("/")).mkdir(parents=True)


def lay_bases(folder: Path, archives: Mapping[str, Path]) -> None:
    """Put into `folder` what a machine finds at `BASES`: for each image name of a registry, an archive of its
    files.
    """
    folder.mkdir(parents=True)
    for archive in archives.values():
        shutil.copy(archive, folder)
    (folder / "list").write_text(
        "".join(f"{name} {BASES}/{archive.name}\n" for name, archive in archives.items())
    )
