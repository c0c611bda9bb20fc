"""Small JSON files that the pub keeps across restarts, and can do without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from scuttlekit.pub.log import log


def read_kept(path: Path, is_right: Callable[[Any], bool], lost: str) -> Any:
    """What a file contains; None if it is missing, or damaged: then `lost` is logged, which says what that means.

    Raises OSError.
    """
    try:
        kept = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        kept = None
    if is_right(kept):
        return kept
    log("warning", "damaged", f"{path} is damaged: {lost}")
    return None
