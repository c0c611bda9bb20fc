"""What is exported from a bot's folder, whatever lies in it."""

import io
import os
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from butt.exports.bundle import ExportBundle, ExportPart
from butt.exports.tar import packed
from butt.hosts import bundles
from butt.hosts.interface import Folder
from tests.exports.folders import add_blob, fill, log_in


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return fill(Folder(tmp_path / "bot"))


def unpacked(bundle: ExportBundle) -> dict[str, bytes]:
    tar = b"".join(packed(bundle.items, bundle.tar_size, 0))
    assert len(tar) == bundle.tar_size
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}


def test_a_full_export_is_a_data_folder(folder: Folder):
    found = unpacked(bundles.bundle(folder, ExportPart.ALL))
    assert found == {
        str(path.relative_to(folder.data)): path.read_bytes()
        for path in folder.data.rglob("*")
        if path.is_file()
    }


def test_sizes_are_known_without_reading_everything(folder: Folder):
    sizes = bundles.sizes(folder)
    assert (sizes.blobs, sizes.blobs_size) == (3, 11)
    assert sizes.log == log_in(folder).stat().st_size
    assert sizes.secret == folder.secret.stat().st_size
    assert bundles.sizes(Folder(folder.path / "nobody")).all == 0


def test_a_pub_that_knows_no_peer_has_an_empty_list(folder: Folder):
    (folder.data / "gossip.json").unlink()
    (item,) = bundles.bundle(folder, ExportPart.GOSSIP).items
    assert b"".join(item.read()) == b"[]\n"


def test_data_written_after_the_bundle_is_made_is_not_in_it(folder: Folder):
    before = unpacked(bundles.bundle(folder, ExportPart.ALL))
    bundle = bundles.bundle(folder, ExportPart.ALL)
    with log_in(folder).open("ab") as log:
        log.write(b"half a rec")
    add_blob(folder, b"four")
    assert unpacked(bundle) == before
    assert len(unpacked(bundles.bundle(folder, ExportPart.ALL))) == len(before) + 1


def test_a_blob_that_is_removed_meanwhile_is_left_out(folder: Folder):
    bundle = bundles.bundle(folder, ExportPart.BLOBS)
    add_blob(folder, b"two").unlink()
    assert sorted(unpacked(bundle).values()) == [b"one", b"three"]


def test_a_blob_whose_content_does_not_match_its_name_is_left_out(folder: Folder):
    add_blob(folder, b"two").write_bytes(b"owt")
    assert sorted(unpacked(bundles.bundle(folder, ExportPart.BLOBS)).values()) == [b"one", b"three"]


def test_partly_received_blobs_are_left_out(folder: Folder):
    (folder.data / "blobs" / "tmp").mkdir()
    (folder.data / "blobs" / "tmp" / "1").write_bytes(b"half")
    (add_blob(folder, b"one").parent / "strange").write_bytes(b"file")
    assert len(unpacked(bundles.bundle(folder, ExportPart.BLOBS))) == 3


@pytest.mark.parametrize("name", ["secret", "gossip.json", "flume/log.offset", "flume", "blobs/sha256"])
def test_links_are_not_followed(folder: Folder, name: str, tmp_path_factory: pytest.TempPathFactory):
    """A bot's code may put one anywhere in its folder; another person's file must not be exported."""
    outside = tmp_path_factory.mktemp("outside")
    place = folder.data / name
    place.rename(outside / "target")
    place.symlink_to(outside / "target")
    with pytest.raises(OSError):
        bundles.bundle(folder, ExportPart.ALL)


def test_a_pipe_is_left_out(folder: Folder):
    (folder.data / "gossip.json").unlink()
    os.mkfifo(folder.data / "gossip.json")
    with pytest.raises(OSError):
        bundles.bundle(folder, ExportPart.GOSSIP)


def test_every_file_is_closed(folder: Folder):
    for part in ExportPart:
        unpacked(bundles.bundle(folder, part))
        bundles.bundle(folder, part)
        assert opened_below(folder.path) == []


def opened_below(place: Path) -> list[Path]:
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(handle.readlink())
    return [path for path in found if path.is_relative_to(place)]


def test_an_unclosed_file_would_be_noticed(folder: Folder):
    with (folder.data / "gossip.json").open() as file:
        assert opened_below(folder.path) == [Path(file.name)]
