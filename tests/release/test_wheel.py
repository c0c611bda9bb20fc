"""What is released is all that is needed: the wheel alone, in an empty folder, far from the repository."""

import json
import os
import re
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from butt.resources import PUB_SOURCE
from butt.sources.releases import digest_of
from tests.billing.bank import GOOD, Bank
from tests.service import Service, wait_for
from tests.stopwatch import Stopwatch
from tests.visitor import Visitor

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make release` fills, but for the container image."""
    folder = tmp_path_factory.mktemp("released")
    command = [
        sys.executable,
        str(ROOT / "scripts" / "release.py"),
        "--draft",
        "--no-image",
        "--to",
        str(folder),
    ]
    subprocess.run(command, check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def programs(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel and what it asks for."""
    environment = tmp_path_factory.mktemp("installed") / "environment"
    (wheel,) = released.glob("*.whl")
    uv = str(PROGRAMS / "uv")
    subprocess.run([uv, "venv", "--quiet", f"--python={sys.executable}", str(environment)], check=True)
    python = environment / "bin" / "python"
    constraint = f"--constraint={ROOT / 'requirements' / 'run.txt'}"
    command = [uv, "pip", "install", "--quiet", f"--python={python}", constraint, str(wheel)]
    subprocess.run(command, check=True, timeout=300)
    return environment / "bin"


class Installed(Service):
    """`butt up`, with nothing told but its ports, in a folder that is empty."""

    def __init__(self, programs: Path, folder: Path) -> None:
        super().__init__(folder / ".butt", None, from_nothing=True)
        self.folder, self.programs = folder, programs
        # Everything is compiled, migrated and built for the first time.
        self.patience = 300
        del self.environment["BUTT_BILLING"]

    def command(self) -> list[str]:
        ports = ["--port", str(self.port), "--private-port", str(self.private_port)]
        return [str(self.programs / "butt"), "up", *ports]


def enters_a_card(site: Service, email: str) -> None:
    """In a browser, at the stand-in for Stripe that comes along."""
    with Visitor(site.door) as browser:
        browser.signs_in(email)
        # The stand-in starts beside the pages, and may need longer.
        (secret,) = wait_for(
            lambda: re.findall(r'data-secret="([^"]+)"', browser.asks("GET", "/billing/card").text)
        )
        setup = Bank(f"http://127.0.0.1:{site.stand_in_port}").confirm(GOOD, secret)
        assert browser.sends("/billing/card", setup=setup).status == 302


def test_a_bot_comes_alive_from_the_wheel_alone(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    clock = Stopwatch(capsys)
    with Installed(programs, tmp_path) as site:
        clock.tell("butt up answers, in an empty folder")
        alice = site.person("alice@example.org")
        enters_a_card(site, "alice@example.org")
        bot = alice.waits_for("alive", alice.names_a_bot("my"), seconds=site.patience)
        assert bot["release"] == digest_of(PUB_SOURCE), "the very pub that the repository has"
        clock.tell("a person's bot is alive")
        assert {path.name for path in tmp_path.iterdir()} == {".butt"}


def test_the_wheel_brings_the_files_that_are_no_modules(programs: Path):
    """Each file of these places in the repository, and nothing else."""
    code = "import butt.resources as r; print(r.PUB_SOURCE, r.SALT, r.SALT_LOCK, r.DEPLOY, sep='\\n')"
    said = subprocess.run(
        [str(programs / "python"), "-I", "-c", code], check=True, capture_output=True, text=True
    )
    there = [Path(line) for line in said.stdout.split()]
    assert all(path.is_relative_to(programs.parent) for path in there)
    for place, repository in zip(
        there, ("packages/scuttlekit", "salt", "requirements/salt.txt", "deploy"), strict=True
    ):
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", repository], check=True, capture_output=True, text=True
        )
        for name in listed.stdout.split():
            assert (place / Path(name).relative_to(repository)).read_bytes() == (ROOT / name).read_bytes()


def test_it_says_its_version(programs: Path, released: Path):
    said = subprocess.run([str(programs / "butt"), "--version"], check=True, capture_output=True, text=True)
    version = said.stdout.split()[-1]
    assert sorted(path.name for path in released.iterdir()) == [
        f"butt-{version}-py3-none-any.whl",
        f"butt-{version}.cdx.json",
        f"butt-{version}.md",
        f"butt-{version}.tar.gz",
    ]


def test_the_list_of_parts_has_every_package_with_its_version(released: Path):
    (path,) = released.glob("*.cdx.json")
    parts = json.loads(path.read_text())
    listed = {part["name"].lower().replace("_", "-"): part["version"] for part in parts["components"]}
    lock = (ROOT / "requirements" / "run.txt").read_text()
    locked = dict(
        line.split()[0].split("==") for line in lock.splitlines() if "==" in line and "win32" not in line
    )
    assert locked.items() <= listed.items()
    assert parts["metadata"]["component"]["name"] == "butt"


def test_the_source_distribution_has_every_file_of_the_repository(released: Path):
    (path,) = released.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-tree", "-r", "--name-only", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(listed.stdout.split("\n")) - {""} <= there


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lockfiles_can_be_installed_on_each_python(version: str, tmp_path: Path):
    """From wheels alone, as a bare machine has no compiler."""
    for lock in (ROOT / "requirements" / "run.txt", PUB_SOURCE / "requirements.txt"):
        command = [
            *(str(PROGRAMS / "uv"), "pip", "install", "--dry-run", "--quiet", "--require-hashes"),
            *("--only-binary=:all:", f"--python-version={version}", f"--target={tmp_path}", "-r", str(lock)),
        ]
        subprocess.run(command, check=True, timeout=120, env=os.environ)


def test_notes_are_of_the_version_alone():
    notes_of = runpy.run_path(str(ROOT / "scripts" / "release.py"))["notes_of"]
    changelog = "# Changelog\n\n## Unreleased\n\n- Next.\n\n## 1.2.0 (2026-12-01)\n\n- Now.\n\n## 1.1.0\n\n- Before.\n"
    assert notes_of(changelog, "1.2.0") == "# Butt as a Service 1.2.0\n\n- Now.\n"
    assert "- Next." in notes_of(changelog, "1.3.0", draft=True)
    with pytest.raises(SystemExit, match=r"nothing under “## 1\.3\.0”"):
        notes_of(changelog, "1.3.0")
