"""Other things that may lie where bots have their folders, and a folder that cannot be used."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from butt.hosts import HostTrouble, Order, Settled, Sighting, processes, supervisor
from butt.hosts.interface import Folder
from butt.hosts.local_reader import LocalReader
from butt.hosts.processes import Processes
from butt.hosts.pub_state import id_in
from butt.sources.releases import build
from tests.lanes import free_ports
from tests.service import wait_for
from tests.sources.conftest import settings_of
from tests.sources.tiny import write_python

__all__ = ["settings_of"]

GOOD, BAD = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    for bot_id in (GOOD, BAD):
        (processes.bots / str(bot_id) / "data").mkdir(parents=True)
    yield processes
    processes.stop_all()


@pytest.mark.parametrize("name", ["lost+found", f"{GOOD}.bak", GOOD.hex, f".gone-{GOOD}"])
def test_files_that_are_not_bots_are_left_alone(host: Processes, name: str):
    (host.bots / name).mkdir()
    assert {orphan.bot_id for orphan in host.orphans(())} == {GOOD, BAD}
    assert (host.bots / name).is_dir()


def test_looking_at_one_bot_reads_no_other(host: Processes, monkeypatch: pytest.MonkeyPatch):
    """With hundreds of bots at rest, a steward would spend a quarter of a core on reading their folders."""
    read = []

    def read_id(folder: Folder) -> str | None:
        read.append(folder.path.name)
        return id_in(folder)

    monkeypatch.setattr(processes, "id_in", read_id)
    assert host.look([GOOD]) == {GOOD: Sighting()}
    assert read == [str(GOOD)]


def test_an_unreadable_folder_affects_only_its_bot(host: Processes):
    ballast = host.bots / str(BAD) / "ballast"
    ballast.symlink_to(ballast)
    seen = host.look([BAD, GOOD])
    assert seen[GOOD] == Sighting()
    assert isinstance(seen[BAD], HostTrouble)
    assert "too many levels of symbolic links" in str(seen[BAD])


def test_an_unwritable_folder_affects_only_its_bot(host: Processes, built_pub: Path):
    data = host.bots / str(BAD) / "data"
    data.rmdir()
    data.write_text("a file where a folder should be")
    order = Order(BAD, True, 1, "127.0.0.1", "127.0.0.1", 9000, built_pub.name, False, (), 0)
    with pytest.raises(HostTrouble, match="its folder cannot be used: file exists"):
        host.apply(order)


def test_a_folder_that_is_gone_holds_up_no_other_bot(host: Processes, built_pub: Path):
    """As after the loss of a disk. supervisord does not start if one of its programs has nowhere to write."""
    ports = free_ports(2)
    for bot_id, port in zip((GOOD, BAD), ports, strict=True):
        host.apply(Order(bot_id, True, 1, "127.0.0.1", "127.0.0.1", port, built_pub.name, False, (), 0))
    host.stop_all()
    shutil.rmtree(host.bots / str(BAD))
    seen = host.look([GOOD, BAD])
    assert set(seen) == {GOOD}
    again = Order(BAD, True, 2, "127.0.0.1", "127.0.0.1", ports[1], built_pub.name, False, (), 0)
    host.apply(again)
    assert host.look([BAD])[BAD].running


def test_a_bot_is_settled_if_no_order_of_its_launch_would_change_anything(host: Processes, built_pub: Path):
    (port,) = free_ports(1)
    plain = ("127.0.0.1", "127.0.0.1", port, built_pub.name)
    assert host.look([GOOD])[GOOD].settled() is None
    host.apply(Order(GOOD, True, 1, *plain, True, (), 0))
    assert host.look([GOOD])[GOOD].settled() is None, "it is on trial"
    host.apply(Order(GOOD, True, 1, *plain, False, (), 0))
    assert host.look([GOOD])[GOOD].settled() == Settled(1, 0)
    host.apply(Order(GOOD, True, 1, *plain, False, (), 0, disk=2**30))
    assert host.look([GOOD])[GOOD].settled() == Settled(1, 2**30)


def test_starting_a_bot_reads_no_other_ones_program(host: Processes, built_pub: Path):
    """With all of them read at each start, 200 bots that start together would take 20,000 readings."""
    host.look([GOOD])
    other = host.bots.parent / "supervisor" / "programs" / f"{BAD}.conf"
    other.write_text("[program:no command]\n")
    (port,) = free_ports(1)
    host.apply(Order(GOOD, True, 1, "127.0.0.1", "127.0.0.1", port, built_pub.name, False, (), 0))
    assert host.look([GOOD])[GOOD].running
    other.unlink()


def test_a_program_that_changed_is_started_as_it_is_now(host: Processes, built_pub: Path):
    (port,) = free_ports(1)
    for launch, home in ((1, "first"), (2, "second")):
        made = built_pub.with_name(f"{built_pub.name}-{home}")
        made.symlink_to(built_pub)
        try:
            host.apply(Order(GOOD, True, launch, "127.0.0.1", "127.0.0.1", port, made.name, False, (), 0))
            [pub] = wait_for(lambda: pubs_of(host))
            assert made.name in " ".join(pub.cmdline())
            host.apply(Order(GOOD, False, launch, "127.0.0.1", "127.0.0.1", port, made.name, False, (), 0))
            wait_for(lambda: not host.look([GOOD])[GOOD].running)
        finally:
            made.unlink()


def test_a_supervisord_of_an_earlier_release_starts_bots_too(
    host: Processes, built_pub: Path, monkeypatch: pytest.MonkeyPatch
):
    """It outlives an upgrade of the service, and has none of our calls."""
    own = "supervisor.rpcinterface:make_main_rpcinterface"
    monkeypatch.setattr(supervisor, "_CONFIG", supervisor._CONFIG.replace("butt.supervisord:calls", own))
    (port,) = free_ports(1)
    for launch in (1, 2):
        host.apply(Order(GOOD, True, launch, "127.0.0.1", "127.0.0.1", port, built_pub.name, False, (), 0))
        assert host.look([GOOD])[GOOD].running
        host.apply(Order(GOOD, False, launch, "127.0.0.1", "127.0.0.1", port, built_pub.name, False, (), 0))
        wait_for(lambda: not host.look([GOOD])[GOOD].running)


def pubs_of(host: Processes) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if processes._runs_below(process, host.bots)]


def test_several_threads_may_ask_at_once(host: Processes):
    """The steward, and what brings bots back beside it. With one connection they read each other's answers."""
    host.look([GOOD, BAD])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(lambda: [dict(host.look([GOOD, BAD])) for _ in range(20)]) for _ in range(8)]
        assert all(seen == {GOOD: Sighting(), BAD: Sighting()} for one in answers for seen in one.result(60))


def test_bots_get_nothing_of_the_services_environment(
    tmp_path: Path, settings_of: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    # A path that supervisord has to be given with care.
    home = tmp_path / "a;b#c d?e'f"
    settings_of(home=home)
    for name in ("BUTT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "NODE_OPTIONS"):
        monkeypatch.setenv(name, "not for bots")
    write_python(tmp_path / "pub", "import json, os; print(json.dumps(dict(os.environ)), flush=True)", [])
    made, host = build(tmp_path / "pub"), Processes(home)
    try:
        host.apply(Order(GOOD, True, 1, "127.0.0.1", "127.0.0.1", 9000, made.key, False, (), 0))
        said = json.loads(wait_for(lambda: LocalReader(home).log(GOOD, 16384)).splitlines()[0])
    finally:
        host.stop_all()
    assert said["HOME"] == str(host.bots / str(GOOD))
    assert "PATH" in said
    assert "not for bots" not in said.values()


def test_code_built_for_another_python_is_not_started_and_says_what_to_do(
    tmp_path: Path, settings_of: Callable[..., None]
):
    settings_of(home=tmp_path)
    write_python(tmp_path / "pub", "", [])
    made, host = build(tmp_path / "pub"), Processes(tmp_path)
    (made.path / "site-packages" / "built-for").write_text("Python 2.7 on vax-vms")
    try:
        with pytest.raises(HostTrouble, match=r"was built for Python 2\.7 on vax-vms.*“upgrade” moves it"):
            host.apply(Order(GOOD, True, 1, "127.0.0.1", "127.0.0.1", 9000, made.key, False, (), 0))
        shutil.rmtree(made.path)
        with pytest.raises(HostTrouble, match="no longer on this disk"):
            host.apply(Order(GOOD, True, 1, "127.0.0.1", "127.0.0.1", 9000, made.key, False, (), 0))
    finally:
        host.stop_all()
