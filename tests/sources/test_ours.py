"""The sources that come with the service, and the examples."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from butt.sources.kinds import kind_of
from butt.sources.releases import PUB_SOURCE, check
from tests.node_pub import NODE_PUB

ROOT = Path(__file__).parents[2]
PYTHON = [PUB_SOURCE, ROOT / "examples" / "greeting_pub_python"]


@pytest.mark.parametrize("source", [NODE_PUB, *PYTHON], ids=lambda source: source.name)
def test_each_can_be_built(source: Path):
    check(source)


@pytest.mark.parametrize("source", PYTHON, ids=lambda source: source.name)
def test_a_container_starts_what_the_service_starts(source: Path):
    """With the interpreter's flags that prevent importing what a bot writes, or the image's own packages."""
    ours = tomllib.loads((source / "pyproject.toml").read_text())["tool"]["butt"]
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", (source / "Dockerfile").read_text(), re.MULTILINE)
    flags = ["-P", "-s", "-S", "-B", *ours.get("python-flags", [])]
    assert json.loads(line) == ["python", *flags, "-m", ours["module"]]


def test_a_container_for_node_has_the_same_flags():
    package = json.loads((NODE_PUB / "package.json").read_text())
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", (NODE_PUB / "Dockerfile").read_text(), re.MULTILINE)
    assert json.loads(line) == ["node", *package["butt"]["nodeFlags"], f"/pub/{package['main']}"]


def test_the_pub_runs_on_the_packages_that_the_service_is_tested_with():
    lock = (ROOT / "requirements" / "run.txt").read_text()
    tested = dict(re.findall(r"^([\w-]+)==(\S+)", lock, re.MULTILINE))
    packages = kind_of(PUB_SOURCE).packages_of(PUB_SOURCE)
    assert {"pynacl", "orjson"} <= packages.keys()
    assert {name: tested.get(name) for name in packages} == packages
