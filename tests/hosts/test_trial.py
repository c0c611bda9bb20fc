"""The ballast and notes beside a bot's data while its code is on trial."""

from pathlib import Path

import pytest

from butt.hosts import trial
from butt.hosts.interface import Folder
from scuttlekit import Address, KeyPair, connect
from scuttlekit.data_folder import ENTRIES
from tests.pub.pubs import Pub


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    found.data.mkdir()
    (found.data / "mine").mkdir()
    return found


def inside(folder: Folder) -> set[str]:
    return {entry.name for entry in folder.data.iterdir()}


def ballast(folder: Folder) -> int | None:
    path = folder.path / "ballast"
    return path.stat().st_size if path.exists() else None


def test_files_of_rejected_code_are_removed_and_nothing_else(folder: Folder):
    trial.begin(folder.data, "new")
    (folder.data / "junk").write_bytes(b"junk")
    (folder.data / "blobs").mkdir()
    trial.end(folder.data, "old")
    assert inside(folder) == {"mine", "blobs"}
    assert ballast(folder) is None


def test_files_of_proven_code_stay(folder: Folder):
    trial.begin(folder.data, "new")
    (folder.data / "index").mkdir()
    trial.end(folder.data, "new")
    assert inside(folder) == {"mine", "index"}


def test_a_trial_after_another_removes_nothing_of_proven_code(folder: Folder):
    trial.begin(folder.data, "new")
    (folder.data / "of new").mkdir()
    trial.begin(folder.data, "newer")
    (folder.data / "of newer").mkdir()
    trial.end(folder.data, "newer")
    assert inside(folder) == {"mine", "of new", "of newer"}


def test_each_start_on_trial_has_its_ballast(folder: Folder):
    trial.begin(folder.data, "new")
    trial.make_room(folder.data)
    trial.begin(folder.data, "new")
    assert ballast(folder) == trial.BALLAST
    trial.give_room(folder.data)
    trial.begin(folder.data, "new")
    assert ballast(folder) == trial.BALLAST


def test_a_full_disk_is_reported_until_the_next_start(folder: Folder):
    assert not trial.is_full(folder.data)
    trial.begin(folder.data, "new")
    assert not trial.is_full(folder.data)
    trial.give_room(folder.data)
    assert trial.is_full(folder.data)
    trial.begin(folder.data, "new")
    assert not trial.is_full(folder.data)


@pytest.mark.parametrize("kind", ["built_pub", "built_node_pub"])
async def test_all_files_of_a_pub_are_known(kind: str, request: pytest.FixtureRequest, tmp_path: Path):
    master = KeyPair.generate()
    pub = Pub(request.getfixturevalue(kind), tmp_path / "pub", master=[master.id], caps={}).start()
    try:
        async with connect(Address("127.0.0.1", pub.config["port"], pub.id), master) as peer:
            await peer.call("publish", {"type": "about", "about": pub.id, "name": "Bob"})
            await peer.call("invite.create", 1)
            await peer.call(
                "butt.offer", {"id": KeyPair.generate().id, "uses": 1, "note": "n", "expires": None}
            )
            await peer.call("gossip.add", "net:127.0.0.1:9~shs:" + "A" * 43 + "=", "manual")
        pub.stop()
        pub.start()
        pub.stop()
    finally:
        pub.kill()
    kept = {path.name for path in pub.data.iterdir()}
    assert {"secret", "flume", "sequence", "manifest.json", "invites"} <= kept
    assert kept - ENTRIES == set()
