"""A release for Python: what it sees, what it needs, and when it fits."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

from butt.sources import releases
from butt.sources.kind import BuildFailed
from butt.sources.python import usable
from butt.sources.releases import Built, build, check, digest_of
from tests.sources.tiny import locked, python_source, write_python

TELLS = """\
import importlib.util, json, sys
import pycparser
names = ("django", "butt", "scuttlekit", "pip", "supervisor")
print(json.dumps({
    "path": sys.path,
    "argv": sys.argv[1:],
    "found": [name for name in names if importlib.util.find_spec(name)],
    "parser": pycparser.__file__,
    "compiled": [sys.modules["pycparser"].__cached__, __spec__.cached],
}))
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, settings_of: Callable[..., None]) -> None:
    settings_of(home=tmp_path / "home")


def told(made: Built, **environment: str) -> Any:
    done = subprocess.run(
        [*made.command, "/somewhere/config.json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def teller(tmp_path: Path) -> Built:
    write_python(tmp_path / "pub", TELLS, ["pycparser"])
    return build(tmp_path / "pub")


def test_a_release_sees_only_the_standard_library_and_itself(teller: Built, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "json.py").write_text("raise SystemExit('not ours')")
    said = told(teller, PYTHONPATH=f"{tmp_path}/elsewhere:{Path.cwd()}")
    assert said["path"][:2] == [str(teller.path), str(teller.path / "site-packages")]
    assert all(place.startswith(sys.base_prefix) for place in said["path"][2:])
    assert said["found"] == []
    assert said["parser"].startswith(str(teller.path))
    assert said["argv"] == ["/somewhere/config.json"]


def test_the_service_sees_nothing_of_a_release(teller: Built):
    program = "import sys, scuttlekit, butt; print(scuttlekit.__file__, butt.__file__, *sys.path)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert str(teller.path.parent) not in done.stdout


def test_a_release_runs_from_a_read_only_folder_and_is_compiled(teller: Built, tmp_path: Path):
    other = Built(teller.key, tmp_path / "moved" / teller.key)
    other.path.parent.mkdir()
    teller.path.rename(other.path)
    subprocess.run(["mount", "--bind", other.path, other.path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", other.path], check=True)
        said = told(other)
    finally:
        subprocess.run(["umount", "--lazy", other.path], check=True)
    assert all(Path(place).is_file() for place in said["compiled"])
    assert other.misfit == ""


def test_a_flag_is_left_out_if_the_standard_library_is_not_compiled_for_it(tmp_path: Path):
    """With Debian's Python, a pub would compile it anew at each start."""
    library, flags = tmp_path / "os.py", ["-OO", "-X", "dev"]
    assert usable(flags, library) == ["-X", "dev"]
    for optimization in ("", "1", "2"):
        assert usable(flags, library) == ["-X", "dev"]
        compiled = Path(cache_from_source(str(library), optimization=optimization))
        compiled.parent.mkdir(exist_ok=True)
        compiled.touch()
    assert usable(flags, library) == flags


def test_a_release_for_another_python_is_not_started(teller: Built):
    assert (teller.misfit, teller.runtime) == ("", f"Python {platform.python_version()}")
    (teller.path / "site-packages" / "built-for").write_text("Python 2.7 on vax-vms")
    assert "its code was built for Python 2.7 on vax-vms, and this is Python 3." in teller.misfit
    assert "“upgrade”" in teller.misfit
    shutil.rmtree(teller.path / "site-packages")
    assert "“rebuild” installs them again" in teller.misfit


def test_files_left_by_running_a_source_are_not_part_of_it(tmp_path: Path):
    folder = python_source(tmp_path / "pub")
    before = digest_of(folder)
    for name in ("__pycache__", "tiny.egg-info", "site-packages", ".mypy_cache"):
        (folder / name).mkdir()
        (folder / name / "x").write_text("x")
    assert digest_of(folder) == before
    assert {path.name for path in build(folder).path.iterdir()} == {
        *("Dockerfile", "pyproject.toml", "requirements.txt", "tiny.py", "__pycache__", "site-packages")
    }


def test_code_that_does_not_compile_is_refused_with_its_line(tmp_path: Path):
    write_python(tmp_path / "pub", "x = 1\nif x\n", [])
    with pytest.raises(BuildFailed, match=r"(?s)The source does not compile.*tiny\.py.*line 2"):
        build(tmp_path / "pub")
    assert [path.name for path in releases.release("x").path.parent.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("name", "before", "after", "why"),
    [
        ("requirements.txt", "==3", ">=3", "has no version or no hash"),
        ("requirements.txt", "--hash=", "--no-hash=", "is not valid"),
        ("pyproject.toml", "'pycparser'", "'pycparser>=99'", "requirements.txt has 3"),
        ("pyproject.toml", "'pycparser'", "'pycparser', 'orjson'", "asks for orjson, and .* has none"),
        ("pyproject.toml", 'module = "tiny"', 'module = "huge"', "has no module huge"),
        (
            "pyproject.toml",
            '">=3.11"',
            '">=3.999"',
            "needs Python >=3.999, and this service runs on Python 3",
        ),
        (
            "pyproject.toml",
            "[tool.butt]",
            "[tool.butt]\npreload = [1]",
            "preload of .* is not a list of strings",
        ),
        ("pyproject.toml", "[tool.butt]", "[tool.other]", "'butt' is missing"),
        ("pyproject.toml", "[project]", "[project", "is not valid"),
    ],
)
def test_an_unbuildable_source_is_refused_before_a_build(
    tmp_path: Path, name: str, before: str, after: str, why: str
):
    write_python(tmp_path / "pub", "", ["pycparser"])
    check(tmp_path / "pub")
    text = (tmp_path / "pub" / name).read_text()
    assert before in text
    (tmp_path / "pub" / name).write_text(text.replace(before, after))
    with pytest.raises(BuildFailed, match=why):
        check(tmp_path / "pub")


def test_a_release_says_what_can_be_loaded_before_it_is_known_for_which_bot(tmp_path: Path):
    write_python(tmp_path / "pub", "", [])
    assert build(tmp_path / "pub").preload == {}
    with (tmp_path / "pub" / "pyproject.toml").open("a") as project:
        project.write('preload = ["json", "tiny"]\n')
    made = build(tmp_path / "pub")
    assert made.preload == {
        "path": [str(made.path), str(made.path / "site-packages")],
        "modules": ["json", "tiny"],
    }


def test_packages_for_other_platforms_are_left_out(tmp_path: Path):
    write_python(tmp_path / "pub", "", ["pycparser"])
    lock = tmp_path / "pub" / "requirements.txt"
    lock.write_text(lock.read_text() + locked("orjson").replace(" \\", ' ; sys_platform == "vms" \\', 1))
    made = build(tmp_path / "pub")
    assert list(made.packages) == ["pycparser"]
    assert not (made.path / "site-packages" / "orjson").exists()
