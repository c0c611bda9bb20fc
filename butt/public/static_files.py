"""Static files under URLs that change with them, which browsers keep for a year.

The version covers all files together, and comes before their names: `/static/VERSION/butt/live.js`. So
whatever a script imports by a relative path has it too. Without the version, or with another release's, a
file is kept for a minute.
"""

import hashlib
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]  # it is not typed

OURS = Path(__file__).parent / "static"
OF_OTHERS = ("django", "django-ninja", "django-allauth")
KEPT = "max-age=31536000, public, immutable"

_VERSIONED = re.compile(r"([0-9a-f]{12})/(.+)")


@cache
def the_version() -> str:
    """The version of our own files and of the packages that bring others."""
    digest = hashlib.sha256("\n".join(f"{name} {version(name)}" for name in OF_OTHERS).encode())
    for path in sorted(path for path in OURS.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(OURS)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Storage(StaticFilesStorage):
    def __init__(self) -> None:
        super().__init__()
        self._plain = cache(super().url)

    def url(self, name: str | None) -> str:
        """Without the version during development."""
        plain = str(self._plain(name))
        if settings.DEBUG or not plain.startswith(settings.STATIC_URL):
            return plain
        return f"{settings.STATIC_URL}{the_version()}/{plain.removeprefix(settings.STATIC_URL)}"


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = request.path_info.removeprefix(self.static_prefix)
        found = _VERSIONED.fullmatch(asked) if asked != request.path_info else None
        if not found:
            return self._answer(request)
        plain = f"{self.static_prefix}{found[2]}"
        file = self.find_file(plain) if self.autorefresh else self.files.get(plain)
        if file is None:
            return self._answer(request)
        response: HttpResponseBase = self.serve(file, request)
        if found[1] == the_version():
            response["Cache-Control"] = KEPT
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = super().__call__(request)
        return answer
