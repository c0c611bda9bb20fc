"""What is imported when, because an idle pub should be small."""

import subprocess
import sys

import pytest

import scuttlekit


@pytest.mark.parametrize("name", scuttlekit.__all__)
def test_every_public_name_exists(name):
    assert getattr(scuttlekit, name).__module__.startswith("scuttlekit")


def test_there_are_no_other_public_names():
    assert not hasattr(scuttlekit, "Addres")


@pytest.mark.parametrize(
    ("loaded", "never"), [("scuttlekit.canonical", "asyncio"), ("scuttlekit.pub.__main__", "_ssl")]
)
def test_unneeded_modules_are_not_loaded(loaded, never):
    check = f"import sys, {loaded}; sys.exit({never!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
