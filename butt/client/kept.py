"""The login of a user, kept in a file of their own that nobody else may read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from scuttlekit.files import write_whole


@dataclass(frozen=True)
class Login:
    """The `url` of a service, without a trailing slash, and the access token it gave to `email`."""

    url: str
    email: str
    token: str


def kept_at() -> Path:
    """`$XDG_CONFIG_HOME/butt/login.json`, by default in `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "butt" / "login.json"


def recall() -> Login | None:
    """The stored login. None if there is none, or if the file is not valid."""
    try:
        return Login(**json.loads(kept_at().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def keep(login: Login) -> None:
    """Only its owner can read the file from the first byte on, and it is written whole."""
    path = kept_at()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, json.dumps(asdict(login)))


def forget() -> bool:
    """Whether anybody was logged in."""
    try:
        kept_at().unlink()
    except FileNotFoundError:
        return False
    return True
