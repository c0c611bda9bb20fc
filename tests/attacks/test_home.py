"""No other user of the machine can read the service's files, and nothing that it starts learns its
secrets.
"""

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from butt.command.files import FEWEST
from butt.configuration import kept_secret
from butt.environment import for_bots, for_tools
from butt.home import HomeTrouble, hold, is_closed
from tests.on_machines import module_of
from tests.service import Service

ROOT = Path(__file__).parents[2]
SECRETS = {
    "secret_key": "sw0rdfish-signs",
    "private_token": "sw0rdfish-of-the-master",
    "email_url": "smtp://butt:sw0rdfish@127.0.0.1:1025",
}


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_an_open_home_folder_and_its_secrets_are_closed(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "butt.sqlite3").touch(mode=0o644)
    (home / "sources").mkdir(mode=0o755)
    assert not is_closed(home)
    hold(home)
    assert is_closed(home)
    assert stat.S_IMODE((home / "butt.sqlite3").stat().st_mode) == 0o600
    (home / "later").touch()
    assert stat.S_IMODE((home / "later").stat().st_mode) == 0o600


def test_importing_the_settings_has_no_side_effects(tmp_path: Path):
    home = tmp_path / "home"
    code = "import os, butt.settings; print(oct(os.umask(0)))"
    environment = outside() | {"BUTT_HOME": str(home)}
    ran = subprocess.run(
        ["sh", "-c", f'umask 0026 && exec "{sys.executable}" -c "{code}"'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout == "0o26\n"
    assert not home.exists()


def test_making_a_secret_closes_its_home_folder(tmp_path: Path):
    kept_secret(tmp_path / "home" / "secret-key")
    assert is_closed(tmp_path / "home")


def test_a_bot_in_a_container_can_read_its_configuration(tmp_path: Path):
    """Salt runs as our child, with our umask; the bot runs as another user."""
    engine = module_of("butt_engine", opts={"id": "here", "butt": {"home": str(tmp_path)}})
    hold(tmp_path)
    engine["_write_config"]("bot", {"config": {}})
    folder = tmp_path / "bots" / "bot"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {"bot": 0o755, "config.json": 0o644}


@pytest.mark.parametrize("name", ["100%", 'a"b', "a ;b", "a #b", "a\nb", "a\\b"])
def test_a_home_path_that_would_break_a_configuration_is_refused(tmp_path: Path, name: str):
    with pytest.raises(HomeTrouble, match=r"does not work\. Choose another --home"):
        hold(tmp_path / name)


@pytest.mark.parametrize("home", ["/proc/nothing/home", "/dev/null", "/dev/null/home"])
@pytest.mark.parametrize("command", [["doctor"], ["up"], ["public"], ["steward"], ["manage", "check"]])
def test_a_home_that_cannot_be_made_is_one_line_of_error(home: str, command: list[str]):
    said = butt(command[0], "--home", home, *command[1:])
    assert said.returncode == 1
    assert said.stderr.startswith(f"Error: {'The home folder ' if home != '/dev/null' else ''}{home}")
    assert "Choose another --home" in said.stderr
    assert said.stderr.count("\n") == 1


def test_too_few_open_files_are_reported_at_the_start_and_by_doctor(tmp_path: Path):
    for command in ("up", "public", "private", "monitor"):
        said = few_files(command, tmp_path)
        assert said.returncode == 1
        assert said.stderr.startswith(f"Error: Only 256 files may be open at once, and {FEWEST} are needed")
        assert "ulimit -n" in said.stderr
    told = few_files("doctor", tmp_path)
    assert told.returncode == 1
    assert "✗ A part of the service may open 256 files." in told.stdout


def test_a_home_path_with_odd_characters_works(tmp_path: Path):
    home = tmp_path / "a;b#c d?e'f"
    assert butt("manage", "--home", str(home), "migrate", "contenttypes", "-v0").returncode == 0
    assert (home / "butt.sqlite3").exists()
    assert list(tmp_path.iterdir()) == [home]


def butt(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "butt", *arguments],
        env=outside(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def few_files(command: str, home: Path) -> "subprocess.CompletedProcess[str]":
    run = f'ulimit -n 256 && exec "{sys.executable}" -m butt {command} --home "{home}"'
    return subprocess.run(
        ["bash", "-c", run], env=outside(), capture_output=True, text=True, timeout=60, check=False
    )


def outside() -> dict[str, str]:
    """The environment of somebody who has set none of our variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}


def test_programs_that_we_start_get_none_of_our_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BUTT_SECRET_KEY", "sw0rdfish")
    monkeypatch.setenv("PGPASSWORD", "sw0rdfish")
    assert "sw0rdfish" not in for_bots().values()
    assert "BUTT_SECRET_KEY" not in for_tools()
    assert "PATH" in for_bots()


def test_every_program_that_we_start_is_given_an_environment():
    """A new place that starts a program must say which environment it gets."""
    places = 0
    for path in sorted((ROOT / "butt").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "subprocess.run",
                "subprocess.Popen",
            }:
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert given.get("env", "").startswith(("for_bots(", "for_tools(")), f"{path}:{node.lineno}"
                places += 1
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.system", "os.popen"}), (
                path
            )
    assert places >= 5


def test_a_running_service_shows_no_secret_to_its_bots_nor_in_any_list_of_processes(
    tmp_path: Path, built_pub: Path
):
    with Service(tmp_path / "home", built_pub, **SECRETS) as site:
        site.environment["BUTT_EMAIL_URL"] = SECRETS["email_url"]
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("mine")
        alice.waits_for("alive", bot)
        (pub,) = site.pubs(bot)
        ours = [psutil.Process(site.process.pid), *psutil.Process(site.process.pid).children(recursive=True)]
        for process in (pub, pub.parent(), *ours):
            assert process is not None
            assert "sw0rdfish" not in " ".join(process.cmdline())
        for process in (pub, pub.parent()):
            environment = process.environ()
            assert not [name for name in environment if name.startswith("BUTT_")]
            assert "sw0rdfish" not in " ".join(environment.values())
        assert is_closed(site.home)
        open_to_others = [
            path
            for path in site.home.rglob("*")
            if not path.is_symlink()
            and path.is_file()
            and "releases" not in path.parts
            and path.name != "up.log"
            if stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
        assert open_to_others == []
