"""Uploading a tar over the API."""

import http.client
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.service import LONG, Person


def bring(
    who: Person, name: str, tar: bytes | Iterable[bytes], stopped: str = "for-good", **headers: str
) -> tuple[int, Any]:
    """Status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", who.site.port, timeout=LONG)
    try:
        path = f"/agents/import?{urlencode({'name': name, 'stopped': stopped})}"
        heads = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/x-tar", **headers}
        connection.request("POST", path, tar, heads)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def is_swept(home: Path) -> bool:
    """Whether nothing of an upload is left in the service with that folder."""
    return [path.name for path in (home / "imports").iterdir()] == [".lock"]
