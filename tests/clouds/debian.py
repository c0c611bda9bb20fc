"""Debians as a provider brings them: systemd, Python, and cloud-init or nothing more. Made by debootstrap once, and kept.

The packages that are to be installed lie beside it as a repository, so that this needs no network. A machine's Salt comes from
this checkout's own environment, as the Salt Project's packages are in no registry that tests may rely on.
"""

import fcntl
import hashlib
import inspect
import shutil
import subprocess
from collections.abc import Mapping
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


# cloud-init needs cffi under another name, which debootstrap does not look up.
MACHINE = Debian(
    "machine",
    "bookworm",
    PYTHON,
    (*BARE, "cloud-init", "e2fsprogs", "python3-cffi-backend"),
    ("docker.io", "iptables", "openssh-server"),
)
"""What the first boot asks apt for, and with what a machine is reached that is not rented."""


def control(suite: str, python: str) -> Debian:
    """A bare one, and what `butt install` asks apt for."""
    installs = ("postgresql", "caddy", "openssh-client", "gcc", "libc6-dev")
    installs += (f"{python}-dev", f"{python}-venv")
    return Debian(suite, suite, python, (*BARE, "python3", "python3-venv"), installs)


BOOKWORM, TRIXIE = control("bookworm", PYTHON), control("trixie", "python3.13")

NEEDS = {"/usr/sbin/debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "dpkg-deb": "dpkg"}
"""Programs of this machine, and the package of Debian that brings each."""

PACKAGES, SALT_PACKAGES, BASES, CUTS = "/srv/packages", "/opt/salt", "/srv/bases", "/srv/cuts"
"""Where a machine finds the repository, Salt's Python packages, the archives of images that bots are built on, and the
steps of its boot in which its power is to be cut."""

UNITS = {
    # systemd-nspawn leaves the controllers of cgroups read-only; a machine of its own may write them.
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
    origin = " ".join((debian.suite, *debian.brings, *debian.installs, inspect.getsource(_add_packages)))
    made = KEPT / f"{debian.name}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in (*KEPT.glob(f"{debian.name}-*"), *KEPT.glob("draft"), *KEPT.glob("more")):
                shutil.rmtree(old)
            draft = KEPT / "draft"
            _bootstrap(debian, draft, *debian.brings)
            _add_packages(debian, draft)
            draft.rename(made)
    return made


def salt_packages() -> Path:
    """The packages of our Salt, for the image's Python."""
    packages = SALT.parent / "lib" / PYTHON / "site-packages"
    assert packages.is_dir(), f"{MACHINE.suite} has {PYTHON}: make Salt with it, `make salt PYTHON={PYTHON}`"
    return packages.resolve()


def _bootstrap(debian: Debian, root: Path, *packages: str, options: tuple[str, ...] = ()) -> None:
    (KEPT / "cache").mkdir(exist_ok=True)
    # What it mounts goes with it, also when it is killed.
    command = [
        "unshare",
        "--mount",
        "debootstrap",
        "--variant=minbase",
        f"--cache-dir={KEPT / 'cache'}",
        *options,
    ]
    command += [f"--include={','.join(packages)}", debian.suite, str(root), *_mirror()]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def _mirror() -> list[str]:
    """The one that this machine's apt is configured with, if it is a Debian; otherwise debootstrap's own."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout
    return said.split()[:1]


def _add_packages(debian: Debian, root: Path) -> None:
    """Those that are to be installed, with what they need: a repository as `dpkg-scanpackages` makes one."""
    more, place = KEPT / "more", root / PACKAGES.lstrip("/")
    _bootstrap(debian, more, *debian.brings, *debian.installs, options=("--download-only",))
    place.mkdir(parents=True)
    have = _field_of_all(root)
    with (place / "Packages").open("w") as index:
        for package in sorted((more / "var/cache/apt/archives").glob("*.deb")):
            fields = _fields(package)
            if fields.split("\n", 1)[0].removeprefix("Package: ") in have:
                continue
            content = package.read_bytes()
            shutil.copy(package, place)
            index.write(f"{fields}Filename: ./{package.name}\nSize: {len(content)}\n")
            index.write(f"SHA256: {hashlib.sha256(content).hexdigest()}\n\n")
    shutil.rmtree(more)
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{PACKAGES} ./\n")


def _fields(package: Path) -> str:
    command = ["dpkg-deb", "--field", str(package)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _field_of_all(root: Path) -> set[str]:
    command = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Package}\\n"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split())


def add_ours(root: Path) -> None:
    """To a machine's own layer over the image: what stands in for a provider's network, a registry and Salt's packages."""
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
    """Lay into `folder` what a machine finds at `BASES`: by an image's name, as a registry would have it, an archive of its files."""
    folder.mkdir(parents=True)
    for archive in archives.values():
        shutil.copy(archive, folder)
    (folder / "list").write_text(
        "".join(f"{name} {BASES}/{archive.name}\n" for name, archive in archives.items())
    )
