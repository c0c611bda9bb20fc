"""Browsers keep static files for a year, under names that change with their content."""

import re

import pytest
from django.templatetags.static import static
from django.test import Client

from butt.public import static_files

pytestmark = pytest.mark.django_db
YEAR = "max-age=31536000, public, immutable"


def test_pages_use_versioned_names(client: Client):
    page = client.get("/").content.decode()
    names = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert names
    assert all(name.startswith(f"/static/{static_files.the_version()}/") for name in names)
    for name in names:
        answer = client.get(name)
        assert (answer.status_code, answer["Cache-Control"]) == (200, YEAR)


def test_imports_of_scripts_are_versioned_too(client: Client):
    script = static("butt/live.js")
    code = b"".join(client.get(script)).decode()
    (beside,) = re.findall(r'from "\./([a-z.]+)"', code)
    assert client.get(script.replace("live.js", beside))["Cache-Control"] == YEAR


def test_unversioned_names_are_cached_for_a_minute(client: Client):
    for name in ("/static/butt/butt.css", "/static/0123456789ab/butt/butt.css"):
        assert client.get(name)["Cache-Control"] == "max-age=60, public"


def test_a_missing_file_is_not_found(client: Client):
    version = static_files.the_version()
    for name in (
        f"/static/{version}/butt/no.css",
        f"/static/{version}/../settings.py",
        "/static/0123456789ab/",
    ):
        assert client.get(name).status_code == 404


def test_the_version_changes_with_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path):
    before = static_files.the_version()
    (tmp_path / "butt.css").write_text("a {}")
    monkeypatch.setattr(static_files, "OURS", tmp_path)
    static_files.the_version.cache_clear()
    try:
        changed = static_files.the_version()
    finally:
        static_files.the_version.cache_clear()
    assert changed != before
