"""Where a source is: a folder, or a git repository at a revision."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from butt.configuration import configuration
from butt.environment import for_tools
from butt.services.interface import PUB_RELEASES
from butt.services.known import services
from butt.sources.kind import BuildFailed
from butt.sources.releases import PUB_SOURCE

GIT_SECONDS = 300


def pub_source() -> Path:
    """The folder of the pub's source as `BUTT_PUB_SOURCE` names it. Raises `BuildFailed`."""
    return folder_of(configuration().pub_source)


def sources() -> dict[str, Callable[[], Path]]:
    """For each name of releases, a function that returns where their source is, and may raise `BuildFailed`."""
    own = {each.releases: each.source for each in services().values() if each.source is not None}
    return {PUB_RELEASES: pub_source, **{name: partial(Path, folder) for name, folder in own.items()}}


def folder_of(place: str) -> Path:
    """The folder of `place`: empty for the built-in pub, a path, or `git+URL@REVISION[#SUBFOLDER]`, fetched once."""
    if not place:
        return PUB_SOURCE
    if not place.startswith("git+"):
        return Path(place).expanduser().absolute()
    address, _, subfolder = place.removeprefix("git+").partition("#")
    url, at, revision = address.rpartition("@")
    if _holds_a_secret(address):
        raise BuildFailed(
            "The source's address has a password or token in it, which every user of this machine could read in the list of "
            "processes. Leave it out, and give it to git's credential helper."
        )
    if not at or not revision or revision.startswith("-"):
        raise BuildFailed(f"{place} names no revision: write git+URL@REVISION.")
    if ".." in Path(subfolder).parts or Path(subfolder).is_absolute():
        raise BuildFailed(f"{subfolder} lies outside the repository.")
    name = hashlib.sha256(address.encode()).hexdigest()[:16]
    folder = configuration().home / "sources" / name
    if not folder.exists():
        draft = folder.with_name(f"{name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for command in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--depth=1", "--", url, revision],
            ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
        ):
            _git(draft, *command)
        draft.rename(folder)
        for earlier in folder.parent.iterdir():
            if earlier != folder:
                shutil.rmtree(earlier, ignore_errors=True)
    return folder / subfolder


def _holds_a_secret(url: str) -> bool:
    """Whether the URL holds a user name for a web server: usually that is a token."""
    parts = urlsplit(url)
    return bool(parts.password or (parts.username and parts.scheme in {"http", "https"}))


def _git(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *command],
            env=for_tools(GIT_TERMINAL_PROMPT="0"),
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise BuildFailed("git is not installed, and the source lies in a git repository.") from None
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"git did not fetch the source within {GIT_SECONDS} s.") from None
    if done.returncode:
        raise BuildFailed(f"git could not fetch the source: {done.stderr.strip()[-500:]}")
