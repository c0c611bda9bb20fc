"""A pub for Python on a machine: its image is built from the release, whatever Python the image has."""

import functools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from butt.sources.releases import PUB_SOURCE, Built, build
from scuttlekit import KeyPair
from tests.node_pub import NODE_PUB
from tests.salt.base import BASES, NODE_BASE, PYTHON_BASE, archive
from tests.salt.bots import Bots, hand_out
from tests.salt.land import HERE
from tests.salt.machine import Engine
from tests.salt.test_container import inside
from tests.service import wait_for

ID = KeyPair.generate().id
PROGRAM = f"""\
import json, os, signal, sys
from pathlib import Path

import nacl.bindings
import orjson

import scuttlekit

config = json.loads(Path(sys.argv[1]).read_text())
(Path(config["path"]) / "secret").write_text('{{"id": "{ID}"}}')
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
said = {{
    "files": [nacl.bindings.__file__, orjson.__file__, scuttlekit.__file__],
    "path": sys.path,
    "uid": os.getuid(),
    "compiled": [os.path.exists(module.__spec__.cached) for module in (scuttlekit, signal)],
}}
print(json.dumps(said), flush=True)
signal.pause()
"""

OWN_LAYERS = 20 << 20
"""Bytes. What a pub's image may have beyond the one with Python."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pub without its work: its Dockerfile, its packages, its library."""
    folder = tmp_path_factory.mktemp("source") / "pub"
    shutil.copytree(PUB_SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (folder / "scuttlekit" / "pub" / "__main__.py").write_text(PROGRAM)
    return folder


@pytest.fixture(scope="module")
def release(source: Path, offered: Path) -> Built:
    made = build(source)
    hand_out(made, offered)
    return made


def told(engine: Engine, bot: str) -> Any:
    """What its program said when it started."""
    return json.loads(wait_for(lambda: engine.docker("logs", f"butt-{bot}").strip()).splitlines()[-1])


def size_of(engine: Engine, image: str) -> int:
    return int(engine.docker("image", "inspect", "-f", "{{.Size}}", image))


def test_it_runs_on_the_releases_packages_without_rights_and_ends_in_order(
    bots: Bots, engine: Engine, release: Built
):
    bot = bots.add(release=release.key)
    bots.converge()
    said = told(engine, bot)
    packages = "/pub/site-packages"
    assert said["files"] == [
        *(f"{packages}/nacl/bindings/__init__.py", f"{packages}/orjson/__init__.py"),
        "/pub/scuttlekit/__init__.py",
    ]
    assert said["path"][:2] == ["/pub", packages]
    assert not any("site-packages" in place for place in said["path"][2:]), (
        "the image's own packages are not its"
    )
    assert (said["uid"], said["compiled"]) == (10001, [True, True]), "a pub cannot keep what it compiles"
    assert bots.teller.last_report()["bots"][bot]["ssbId"] == ID
    assert "Read-only" in inside(engine, bot, "touch /pub/x 2>&1")
    assert inside(engine, bot, "touch /data/x && echo data") == "data"
    assert "pip" not in engine.docker("exec", f"butt-{bot}", "sh", "-c", f"echo {packages}/*")
    assert size_of(engine, f"butt-pub:{release.key}") - size_of(engine, PYTHON_BASE) < OWN_LAYERS
    bots.wanted[bot]["run"] = False
    bots.converge()
    assert bots.teller.last_report()["bots"][bot]["exitCode"] == 0


@pytest.fixture(scope="module")
def both(engine: Engine, offered: Path) -> dict[str, str]:
    """The releases of a pub for Node and of the built-in one, which is for Python."""
    engine.docker("import", str(archive(NODE_BASE)), NODE_BASE)
    made = {"node": build(NODE_PUB), "python": build(PUB_SOURCE)}
    for release in made.values():
        hand_out(release, offered)
    return {kind: release.key for kind, release in made.items()}


def test_a_bot_goes_from_a_container_with_node_to_one_with_python_and_back(
    bots: Bots, engine: Engine, both: dict[str, str]
):
    bot, seen = bots.add(release=both["node"]), []
    for launch, kind in enumerate(("node", "python", "node"), start=1):
        bots.wanted[bot] |= {"launch": launch, "release": both[kind]}
        bots.converge()
        line = wait_for(lambda: listening(engine, bot))
        seen.append((line["launch"], line["id"]))
        assert kind in inside(engine, bot, "for at in /proc/[0-9]*; do cat $at/comm $at/cmdline; done")
        assert bots.teller.last_report()["bots"][bot]["ssbId"] == line["id"]
    assert len({ssb_id for _, ssb_id in seen}) == 1
    assert [launch for launch, _ in seen] == [1, 2, 3]
    bots.wanted[bot]["run"] = False
    bots.converge()
    assert bots.teller.last_report()["bots"][bot]["exitCode"] == 0


def listening(engine: Engine, bot: str) -> Any:
    lines = [json.loads(line) for line in engine.docker("logs", f"butt-{bot}").splitlines()]
    return next((line for line in lines if line["event"] == "listening"), None)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that machines reach; it has the packages of the lockfile."""
    folder = tmp_path_factory.mktemp("registry")
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*fetch, "--dest", folder, "--requirement", PUB_SOURCE / "requirements.txt"], check=True)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer((HERE, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HERE}:{server.server_port}/"
        server.shutdown()


def test_if_its_packages_do_not_fit_the_image_installs_the_lockfiles(
    bots: Bots, engine: Engine, source: Path, offered: Path, registry: str, tmp_path: Path
):
    """As on a machine with another processor, or with another Python in its image."""
    (source / "other").write_text("another release")
    made = build(source)
    strange = tmp_path / made.key
    shutil.copytree(made.path, strange)
    for module in (strange / "site-packages" / "orjson").glob("*.so"):
        module.rename(module.with_name("orjson.cpython-399-vax-vms.so"))
    hand_out(Built(made.key, strange), offered)
    options = f"[global]\nno-index = true\nfind-links = {registry}\ntrusted-host = {HERE}\n"
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "pip.conf").write_text(options)
    (tmp_path / "image" / "Dockerfile").write_text(f"FROM {PYTHON_BASE}\nCOPY pip.conf /etc/pip.conf\n")
    engine.docker("build", "--tag", "butt-test-python:other", str(tmp_path / "image"))

    bot = bots.add(release=made.key, bases={**BASES, "PYTHON_IMAGE": "butt-test-python:other"})
    bots.converge()
    assert told(engine, bot)["files"][1] == "/pub/site-packages/orjson/__init__.py"
    assert inside(engine, bot, "ls /pub/site-packages/orjson").count("cpython-3") == 1
    assert "cpython-399" not in inside(engine, bot, "ls /pub/site-packages/orjson")
