"""The room settings given by the service that manages the pub, kept in the file `room.json` across restarts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.pub.kept import read_kept
from scuttlekit.pub.room.privacy import MODES, Mode

LONGEST_URL: Final = 300


class RoomSettings:
    """The mode, which is the configured one until another is set, and the URL of the alias pages."""

    def __init__(self, folder: Path, mode: Mode) -> None:
        """Read the stored settings. Raises OSError."""
        self._path = folder / "room.json"
        self._given = mode
        self.mode = mode
        self.aliases_at: str | None = None
        """An alias has its page at this URL, a slash and the alias; None if there are no pages."""
        lost = "the configuration applies until the room is told otherwise."
        if (kept := read_kept(self._path, _is_right, lost)) is not None:
            self._take(kept)

    def tell(self, asked: Any) -> dict[str, Any]:
        """Apply settings from now on, and return the ones in effect. Raises RemoteError, OSError."""
        if not _is_right(asked):
            raise RemoteError(
                f"a room is told {{mode, aliasesAt}}: one of {', '.join(sorted(MODES))}, or null, and a URL, or null"
            )
        write_whole(self._path, orjson.dumps(asked, option=orjson.OPT_INDENT_2))
        self._take(asked)
        return {"mode": self.mode.value, "aliasesAt": self.aliases_at}

    def _take(self, settings: Mapping[str, Any]) -> None:
        self.mode = self._given if settings.get("mode") is None else Mode(settings["mode"])
        self.aliases_at = settings.get("aliasesAt")


def _is_right(settings: Any) -> bool:
    if not isinstance(settings, Mapping) or settings.keys() - {"mode", "aliasesAt"}:
        return False
    mode, url = settings.get("mode"), settings.get("aliasesAt")
    is_mode = mode is None or (isinstance(mode, str) and mode in MODES)
    return is_mode and (url is None or _is_url(url))


def _is_url(url: Any) -> bool:
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable():
        return False
    return url.startswith(("http://", "https://")) and not url.endswith("/") and " " not in url
