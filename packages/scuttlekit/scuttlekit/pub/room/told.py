"""What a service that looks after the pub told it of the room, kept in the file `room.json` over restarts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.pub.log import chatter
from scuttlekit.pub.room.privacy import MODES, Mode

LONGEST_URL: Final = 300


class RoomSettings:
    """The mode, which is that of the configuration until another is told, and where the pages of aliases are."""

    def __init__(self, folder: Path, mode: Mode) -> None:
        """Read what was told before. Raises OSError."""
        self._path = folder / "room.json"
        self._given = mode
        self.mode = mode
        self.aliases_at: str | None = None
        """The page of an alias is at this URL, a slash and the alias; None where there are no pages."""
        try:
            told = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        except ValueError:
            told = None
        if _is_right(told):
            self._take(told)
        else:
            chatter(
                "warning", f"{self._path} is damaged: the configuration counts until the room is told more."
            )

    def tell(self, asked: Any) -> dict[str, Any]:
        """Have this count from now on, and give what counts. Raises RemoteError, OSError."""
        if not _is_right(asked):
            raise RemoteError(
                f"a room is told {{mode, aliasesAt}}: one of {', '.join(sorted(MODES))}, or null, and a URL, or null"
            )
        write_whole(self._path, orjson.dumps(asked, option=orjson.OPT_INDENT_2))
        self._take(asked)
        return {"mode": self.mode.value, "aliasesAt": self.aliases_at}

    def _take(self, told: Mapping[str, Any]) -> None:
        self.mode = self._given if told.get("mode") is None else Mode(told["mode"])
        self.aliases_at = told.get("aliasesAt")


def _is_right(told: Any) -> bool:
    if not isinstance(told, Mapping) or told.keys() - {"mode", "aliasesAt"}:
        return False
    mode, url = told.get("mode"), told.get("aliasesAt")
    is_mode = mode is None or (isinstance(mode, str) and mode in MODES)
    return is_mode and (url is None or _is_url(url))


def _is_url(url: Any) -> bool:
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable():
        return False
    return url.startswith(("http://", "https://")) and not url.endswith("/") and " " not in url
