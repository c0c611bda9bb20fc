"""Sources for Python: `pyproject.toml` and a `requirements.txt` with hashes, installed by pip.

A release runs with the interpreter that runs the service. Neither sees the other's packages: `-I -S` leaves only the standard
library on the path, and the release puts itself before that.
"""

import os
import re
import sys
import sysconfig
import tomllib
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from butt.sources.kind import BuildFailed, Installing

LOCK = "requirements.txt"
BUILT_FOR = "built-for"
"""A file among the packages. It says which Python they were installed for."""

_PIP = (sys.executable, "-I", "-m", "pip")
# Only wheels: building a package would run its code here. With a target, packages that are installed elsewhere are ignored.
_INSTALL = (
    *("install", "--require-hashes", "--only-binary=:all:", "--no-compile", "--target", "site-packages"),
    *("--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--progress-bar=off"),
)
# Never compared with the source files: a release does not change, and file times may.
_COMPILE = (
    *("-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"),
    *("-x", r"(^|/)site-packages(/|$)", "."),
)
# Packages may contain files that do not compile: nobody imports those.
_COMPILE_PACKAGES = (
    "from compileall import compile_dir; from py_compile import PycInvalidationMode as How; "
    "compile_dir('site-packages', quiet=2, invalidation_mode=How.UNCHECKED_HASH)"
)
_NOISE = ("Looking in", "Collecting", "Processing", "  Downloading", "  Using cached", "WARNING: Location")

_START = (
    "import sys; sys.path[:0] = {path!r}; from runpy import run_module; "
    "run_module({module!r}, run_name='__main__', alter_sys=True)"
)
_OPTIMIZED = {"-O": 1, "-OO": 2}
_VERSION = ".".join(map(str, sys.version_info[:3]))
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class Python:
    """The `SourceKind` for Python. `pyproject.toml` names what to start under `tool.butt.module`, flags under
    `tool.butt.python-flags`, and the modules that may be loaded before it is known for which bot under `tool.butt.preload`.
    """

    needed: tuple[str, ...] = ("pyproject.toml", LOCK, "Dockerfile")
    packages = "site-packages"
    left_out: tuple[str, ...] = ("site-packages", "__pycache__", "*.egg-info")
    tied: tuple[str, ...] = ()
    proof: tuple[str, ...] = (*_PIP, "--version")

    @property
    def runtime(self) -> str:
        return f"Python {_VERSION}"

    def check(self, source: Path) -> None:
        try:
            project, pinned = _project(source), _pinned(source)
            wanted = [Requirement(line) for line in project["project"].get("dependencies", [])]
            supported = SpecifierSet(project["project"].get("requires-python", ""))
            program = _program(project)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BuildFailed(
                f"The pyproject.toml or {LOCK} of {source} is not valid: {_words(error)}"
            ) from None
        if not _is_module(source, program.module):
            raise BuildFailed(
                f"{source} has no module {program.module}, which its pyproject.toml names to be started."
            )
        for name, listed in (("python-flags", program.flags), ("preload", program.preload)):
            if not all(isinstance(each, str) for each in listed):
                raise BuildFailed(f"tool.butt.{name} of {source} is not a list of strings.")
        if not supported.contains(_VERSION, prereleases=True):
            raise BuildFailed(f"{source} needs Python {supported}, and this service runs on {self.runtime}.")
        for requirement in wanted:
            if requirement.marker and not requirement.marker.evaluate():
                continue
            version = pinned.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                raise BuildFailed(
                    f"pyproject.toml of {source} asks for {requirement}, and {LOCK} has {version or 'none'}: "
                    "make the lockfile again with `uv pip compile --generate-hashes`."
                )

    def packages_of(self, source: Path) -> dict[str, str]:
        """Only those that this machine installs: a line of the lockfile may apply to other platforms only."""
        return dict(sorted(_pinned(source).items()))

    def install(self, folder: Path, installing: Installing) -> None:
        total = len(self.packages_of(folder))
        (folder / self.packages).mkdir()
        installing.run(
            [*_PIP, *_INSTALL, "--requirement", LOCK],
            lambda said: f"installing packages, {_fetched(said)} of {total}",
            "pip could not install the bot's packages",
            noise=_NOISE,
        )
        flags = _program(_project(folder)).flags
        # With its flags, too, if they are not used here: in a container the release runs with another Python.
        for each in dict.fromkeys((tuple(flags), tuple(usable(flags)))):
            python = [sys.executable, "-I", *each]
            installing.run([*python, *_COMPILE], lambda _: "compiling", "The source does not compile")
            installing.run(
                [*python, "-c", _COMPILE_PACKAGES], lambda _: "compiling", "The packages do not compile"
            )
        (folder / self.packages / BUILT_FOR).write_text(_this_python())

    def command(self, release: Path) -> list[str]:
        program = _program(_project(release))
        start = _START.format(path=self._path(release), module=program.module)
        return [sys.executable, "-I", "-S", "-B", *usable(program.flags), "-c", start]

    def preload(self, release: Path) -> dict[str, list[str]]:
        modules = _program(_project(release)).preload
        return {"path": self._path(release), "modules": modules} if modules else {}

    def _path(self, release: Path) -> list[str]:
        return [str(release), str(release / self.packages)]

    def misfit(self, release: Path) -> str:
        try:
            built_for = (release / self.packages / BUILT_FOR).read_text()
        except OSError:
            return "the packages of its code are no longer on this disk; “rebuild” installs them again"
        if built_for == _this_python():
            return ""
        return f"its code was built for {built_for}, and this is {_this_python()}; “upgrade” moves it to a build that fits"


def usable(flags: list[str], library: Path = Path(os.__file__)) -> list[str]:
    """The flags without those for which the standard library is not compiled, as Debian's is not for `-O` and `-OO`.

    With them Python would compile all that it imports anew at each start, which takes longer than the rest of the start.
    `library` is any file of the standard library.
    """
    return [flag for flag in flags if flag not in _OPTIMIZED or _is_compiled(library, _OPTIMIZED[flag])]


def _is_compiled(file: Path, optimization: int) -> bool:
    return Path(cache_from_source(str(file), optimization=optimization)).exists()


def _project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


class _Program(NamedTuple):
    """The module to start, the interpreter flags for it, and the modules that can be loaded before."""

    module: str
    flags: list[str]
    preload: list[str]


def _program(project: dict[str, Any]) -> _Program:
    ours = project["tool"]["butt"]
    return _Program(str(ours["module"]), list(ours.get("python-flags", [])), list(ours.get("preload", [])))


def _is_module(source: Path, module: str) -> bool:
    if not _MODULE.fullmatch(module):
        return False
    place = source.joinpath(*module.split("."))
    return (place / "__main__.py").is_file() or place.with_suffix(".py").is_file()


def _pinned(source: Path) -> dict[str, str]:
    """`{name: version}` of the lockfile. Raises `ValueError` for a line that is not pinned to one version and its hashes."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n", " ", (source / LOCK).read_text()).splitlines():
        text, hashed, _ = line.partition("--hash=")
        text = text.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        requirement = Requirement(text)
        versions = [part.version for part in requirement.specifier if part.operator == "=="]
        if not hashed or len(versions) != 1:
            raise ValueError(f"{text} has no version or no hash.")
        if requirement.marker is None or requirement.marker.evaluate():
            found[canonicalize_name(requirement.name)] = versions[0]
    return found


def _words(error: Exception) -> str:
    return f"{error} is missing." if isinstance(error, KeyError) else str(error)


def _fetched(said: str) -> int:
    return sum(line.startswith(("Collecting ", "Processing ")) for line in said.splitlines())


def _this_python() -> str:
    """What compiled parts of packages depend on: two versions with the same first two numbers run the same ones."""
    return f"Python {sysconfig.get_python_version()} on {sysconfig.get_platform()}"
