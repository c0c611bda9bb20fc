"""Sources of each kind that are small enough to be built in a moment."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from butt.sources.releases import PUB_SOURCE
from tests.node_pub import NODE_PUB

MS = json.loads((NODE_PUB / "package-lock.json").read_text())["packages"]["node_modules/ms"]


class Write(Protocol):
    """Write a source whose program contains `main` as a comment, with one package or none; returns its
    folder.
    """

    def __call__(self, folder: Path, main: str = "", *, with_package: bool = False) -> Path: ...


@dataclass(frozen=True)
class Tiny:
    """`main` is the program's file, `package` the one that it may depend on, `installer` what installs that."""

    write: Write
    main: str
    packages: str
    package: str
    installer: str
    needed: tuple[str, ...]
    lock: str

    def spoil(self, folder: Path) -> None:
        """Have the lockfile ask for other bytes than the registry has."""
        lock = folder / self.lock
        sound = lock.read_text()
        spoilt = re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", sound)
        spoilt = re.sub(r"sha512-[\w+/]+==", f"sha512-{'A' * 86}==", spoilt)
        assert spoilt != sound
        lock.write_text(spoilt)


def source(folder: Path, main: str = "", *, with_package: bool = False) -> Path:
    """A source for Node."""
    packages = {"ms": MS} if with_package else {}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pub.js").write_text(f"// {main}\n")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    wanted = {name: package["version"] for name, package in packages.items()}
    package = {"name": "tiny", "version": "1.0.0", "main": "pub.js", "dependencies": wanted}
    (folder / "package.json").write_text(json.dumps(package))
    placed = {f"node_modules/{name}": package for name, package in packages.items()}
    lock = {"name": "tiny", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package, **placed}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


def python_source(folder: Path, main: str = "", *, with_package: bool = False) -> Path:
    """A source for Python."""
    write_python(folder, f"# {main}\n", ["pycparser"] if with_package else [])
    return folder


def write_python(folder: Path, program: str, packages: list[str]) -> None:
    """`program` is the text of the module `tiny`; `packages` are among those of the pub's own lockfile."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text(program)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "tiny"\nversion = "1.0.0"\nrequires-python = ">=3.11"\ndependencies = {packages}\n'
        '[tool.butt]\nmodule = "tiny"\n'
    )
    (folder / "requirements.txt").write_text("".join(locked(name) for name in packages))


def locked(name: str) -> str:
    """The lines of this package in the lockfile of the pub."""
    lock = (PUB_SOURCE / "requirements.txt").read_text()
    found = re.search(rf"^{name}==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    assert found, f"{name} is not in the lockfile"
    return found[0]


TINY = {
    "node": Tiny(
        source,
        "pub.js",
        "node_modules",
        "ms",
        "npm",
        ("package.json", "package-lock.json", "Dockerfile"),
        "package-lock.json",
    ),
    "python": Tiny(
        python_source,
        "tiny.py",
        "site-packages",
        "pycparser",
        "pip",
        ("pyproject.toml", "requirements.txt", "Dockerfile"),
        "requirements.txt",
    ),
}
