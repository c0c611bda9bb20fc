"""The home folder: the command creates it and closes it to other users, whichever part of the service starts
first.
"""

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from butt.trouble import Trouble

OTHERS = 0o077
PRIVATE = 0o700
ODD = re.compile(r"""[\x00-\x1f"\\%]|\s[;#]""")
"""What supervisord's configuration cannot quote: it expands percent signs twice, and takes a semicolon or
hash after a space for the start of a comment.
"""

SECRET_FILES = (
    "butt.sqlite3",
    "butt.sqlite3-wal",
    "butt.sqlite3-shm",
    "identity",
    "secret-key",
    "private-token",
    "webhook-secret",
    "stand-in.pickle",
)


class HomeTrouble(Trouble):
    """The folder cannot be the service's home; the text says why and what to do."""


def hold(home: Path) -> None:
    """Create the folder, readable by us alone, and make all files created from now on private. Raises
    `HomeTrouble`.
    """
    os.umask(OTHERS)
    if odd := ODD.search(str(home)):
        raise HomeTrouble(
            f"The path of the home folder contains {odd[0]!r}, which does not work. Choose another --home."
        )
    try:
        home.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for path in (home, *(home / name for name in SECRET_FILES)):
            with suppress(FileNotFoundError):
                _close(path)
    except FileExistsError:
        raise HomeTrouble(f"{home} is not a folder. Choose another --home, or move it away.") from None
    except OSError as error:
        why = (error.strerror or "it fails").lower()
        raise HomeTrouble(
            f"The home folder {home} cannot be used: {why}. Choose another --home, or let this user write to it."
        ) from None


def is_closed(home: Path) -> bool:
    """Whether only its owner and root have access to it."""
    return not stat.S_IMODE(home.stat().st_mode) & OTHERS


def _close(path: Path) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & OTHERS and not path.is_symlink():
        path.chmod(mode & ~OTHERS)
