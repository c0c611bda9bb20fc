"""Reading a pub's own log: one JSON object a line, `{time, level, event, message, …}`."""

import json
from typing import Any


def entries(text: str) -> list[dict[str, Any]]:
    """The objects in `text`; a line that is cut or is no object is left out."""
    return [entry for line in text.splitlines() if (entry := _entry(line))]


def last_error(text: str) -> str:
    """What the last error in `text` says, or nothing."""
    errors = [entry for entry in entries(text) if entry.get("level") == "error"]
    return str(errors[-1].get("message", ""))[:500] if errors else ""


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
