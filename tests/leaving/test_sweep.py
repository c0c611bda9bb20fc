"""Nothing is left of a deleted bot; leftovers of others are listed, and removed only on request."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import Service, wait_for
from tests.tables import with_tables


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    """There are no days of grace here."""
    with Service(tmp_path_factory.mktemp("home"), built_pub, keep_days=0) as service:
        yield service


def sweep(site: Service, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "butt", "sweep", "--home", str(site.home), *options]
    return subprocess.run(
        command, env=site.environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_deleted_bot_leaves_nothing(short_lived: Service):
    alice = short_lived.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alice.waits_for("alive", bot)
    alice.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: short_lived.ask("GET", f"/agents/{bot['id']}", token=alice.token)[0] == 404)
    assert sweep(short_lived).stdout == "Nothing is left behind.\n"
    assert bot["id"] not in "".join(str(path) for path in short_lived.home.rglob("*"))


def test_leftovers_are_listed_and_removed_only_with_yes(short_lived: Service):
    """A folder of nobody's, a half-removed one, and a bot that lives on beside them."""
    bob = short_lived.person("bob@example.org")
    bot = bob.names_a_bot("bobs")
    bob.waits_for("alive", bot)
    folders = short_lived.home / "bots"
    nobodys, half = uuid.uuid4(), uuid.uuid4()
    (folders / str(nobodys) / "data").mkdir(parents=True)
    (folders / str(nobodys) / "data" / "secret").write_bytes(bytes(2048))
    (folders / f".gone-{half}").mkdir()
    (short_lived.home / "supervisor" / "programs" / f"{nobodys}.conf").write_text("")

    listed = sweep(short_lived)
    assert listed.returncode == 0
    assert f"{nobodys}      2 KiB  a folder and a program of supervisord" in listed.stdout
    assert f"{half}        0 B  a half-removed folder" in listed.stdout
    assert bot["id"] not in listed.stdout
    assert (folders / str(nobodys) / "data" / "secret").exists()

    assert "2 removed." in sweep(short_lived, "--yes").stdout
    assert [path.name for path in folders.iterdir()] == [bot["id"]]
    assert bob.sees(bot)["state"] == "alive"
    assert sweep(short_lived).stdout == "Nothing is left behind.\n"


def test_a_running_orphan_is_stopped_first(short_lived: Service):
    """As after a database was lost: its row is gone, and its pub still runs."""
    carol = short_lived.person("carol@example.org")
    bot = carol.names_a_bot("carols")
    carol.waits_for("alive", bot)
    (pub,) = short_lived.pubs(bot)
    forget = [
        "manage",
        "--home",
        str(short_lived.home),
        "shell",
        "-c",
        f"from butt.agents.models import Agent; Agent.objects.filter(id='{bot['id']}').delete()",
    ]
    subprocess.run(
        [sys.executable, "-m", "butt", *forget], env=short_lived.environment, check=True, timeout=60
    )
    assert bot["id"] in sweep(short_lived).stdout
    assert "1 removed." in sweep(short_lived, "--yes").stdout
    assert not pub.is_running()
    assert not (short_lived.home / "bots" / bot["id"]).exists()


def test_nothing_is_removed_if_the_database_is_empty(tmp_path: Path):
    folder = tmp_path / "bots" / str(uuid.uuid4())
    folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    butt = [sys.executable, "-m", "butt"]
    with_tables(tmp_path)
    done = subprocess.run(
        [*butt, "sweep", "--home", tmp_path, "--yes"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "the wrong one" in done.stderr
    assert folder.exists()


def test_a_half_removed_folder_is_removed_at_the_next_try(tmp_path: Path):
    from butt.hosts.processes import Processes

    host, bot_id = Processes(tmp_path), uuid.uuid4()
    for name in (f".gone-{bot_id}", str(bot_id)):
        (host.bots / name / "data").mkdir(parents=True)
    try:
        host.destroy(bot_id)
        assert list(host.bots.iterdir()) == []
    finally:
        host.stop_all()
