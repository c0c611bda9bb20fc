"""Bounds that the managing service changes while the pub runs, kept in the file `limits.json` across restarts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.peer import Peer
from scuttlekit.pub.kept import read_kept
from scuttlekit.pub.limits import Limits
from scuttlekit.serving import Handlers

NAMES: Final = ("disk", "blobs", "blob", "farBlobDays", "traffic")
_MOST: Final = 1 << 53


class ToldLimits:
    """The bounds in `NAMES` that the service has set. The configuration applies to the others."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Read and apply the stored bounds. Raises OSError."""
        self._path = folder / "limits.json"
        self._limits = limits
        lost = "the configuration's bounds count until others are told."
        if (kept := read_kept(self._path, _is_right, lost)) is not None:
            limits.change(kept)

    def handlers(self) -> Handlers:
        return {"butt.limit": self._limit}

    async def _limit(self, _peer: Peer, asked: Any = None, *_: Any) -> dict[str, int]:
        if not _is_right(asked):
            raise RemoteError(
                f"limits are an object of whole numbers, or null, by the names {', '.join(NAMES)}"
            )
        limits = {name: int(number) for name, number in asked.items() if number is not None}
        write_whole(self._path, orjson.dumps(limits, option=orjson.OPT_INDENT_2))
        self._limits.change({name: limits.get(name) for name in NAMES})
        return {name: self._limits[name] for name in NAMES}


def _is_right(asked: Any) -> bool:
    return isinstance(asked, Mapping) and all(
        name in NAMES and (number is None or (type(number) is int and 0 <= number <= _MOST))
        for name, number in asked.items()
    )
