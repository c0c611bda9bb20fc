"""What is loaded when: a pub that is idle is to be small."""

import subprocess
import sys

import pytest

import scuttlekit


@pytest.mark.parametrize("name", scuttlekit.__all__)
def test_each_name_of_the_library_is_there(name):
    assert getattr(scuttlekit, name).__module__.startswith("scuttlekit")


def test_there_is_no_other_name():
    assert not hasattr(scuttlekit, "Addres")


@pytest.mark.parametrize(
    ("loaded", "never"), [("scuttlekit.canonical", "asyncio"), ("scuttlekit.pub.__main__", "_ssl")]
)
def test_what_is_not_needed_is_not_loaded(loaded, never):
    check = f"import sys, {loaded}; sys.exit({never!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
