"""What is accepted from a tar, and what ends the import."""

import gzip
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.imports.tar_filter import LONGEST_EXTENSION, Rejected, TarFilter
from tests.imports.tars import folder_files, tar_of
from tests.scuttlekit.peers import few

MOST = 1 << 20


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return folder_files(tmp_path / "there")


def filtered(place: Path, tar: bytes, most: int = MOST, step: int = 1000) -> dict[str, bytes]:
    place.mkdir()
    tar_filter = TarFilter(place, most)
    try:
        for at in range(0, len(tar), step):
            tar_filter.feed(tar[at : at + step])
        tar_filter.finish()
    finally:
        tar_filter.close()
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("top", ["", "./", ".ssb/", "ein-ordner-mit-einem-langen-namen-äöü/"])
@pytest.mark.parametrize("step", [1, 511, 1 << 16])
def test_a_whole_folder_is_accepted(tmp_path: Path, files: dict[str, bytes], kind: int, top: str, step: int):
    tar = tar_of([(top + name, data) for name, data in files.items()], kind)
    assert filtered(tmp_path / "here", tar, step=step) == files


def test_files_that_no_pub_needs_are_skipped(tmp_path: Path, files: dict[str, bytes]):
    more = {"README.txt": b"read", "flume/keys.idx": b"index", "invites/LOCK": b"", "x/y/secret": b"deep"}
    assert filtered(tmp_path / "here", tar_of({**more, **files}.items())) == files


def test_a_blob_whose_content_does_not_match_its_name_is_left_out(tmp_path: Path, files: dict[str, bytes]):
    (blob, *_) = [name for name in files if name.startswith("blobs")]
    found = filtered(tmp_path / "here", tar_of({**files, blob: b"other"}.items()))
    assert found == {name: data for name, data in files.items() if name != blob}


@pytest.mark.parametrize(
    "name",
    ["../secret", "/secret", "a/../../secret", "flume/../secret", "..\\secret", "blobs/sha256/../../x"],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, files: dict[str, bytes], name: str):
    with pytest.raises(Rejected, match="leads out"):
        filtered(tmp_path / "here", tar_of([(name, b"x"), *files.items()]))


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"M", b"?"],
)
def test_only_files_are_accepted(tmp_path: Path, kind: bytes):
    info = tarfile.TarInfo("secret")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(Rejected, match="files only"):
        filtered(tmp_path / "here", info.tobuf() + bytes(1024))


def test_no_file_is_accepted_twice(tmp_path: Path, files: dict[str, bytes]):
    for name, data in files.items():
        with pytest.raises(Rejected, match="twice"):
            filtered(tmp_path / name.replace("/", "-"), tar_of([*files.items(), (name, data)]))


def test_only_one_folder_is_accepted(tmp_path: Path, files: dict[str, bytes]):
    with pytest.raises(Rejected, match="several pubs"):
        filtered(tmp_path / "here", tar_of([*files.items(), ("other/secret", b"x")]))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_huge_header_is_not_even_read(tmp_path: Path, kind: bytes):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, LONGEST_EXTENSION + 1
    with pytest.raises(Rejected, match="header of a size"):
        filtered(tmp_path / "here", info.tobuf())


@pytest.mark.parametrize("key", ["size", "GNU.sparse.major", "GNU.sparse.realsize", "linkpath"])
def test_a_header_that_changes_what_is_read_is_refused(tmp_path: Path, key: str):
    info = tarfile.TarInfo("secret")
    info.pax_headers = {key: "1"}
    with pytest.raises(Rejected, match="no pub's folder needs"):
        filtered(tmp_path / "here", info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))


def test_a_compressed_file_says_what_to_do(tmp_path: Path, files: dict[str, bytes]):
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(Rejected, match="packed with gzip"):
        filtered(tmp_path / "here", bomb)


def test_an_announced_size_counts(tmp_path: Path):
    info = tarfile.TarInfo("flume/log.offset")
    info.size = 50 << 30
    with pytest.raises(Rejected, match="bigger than") as refused:
        filtered(tmp_path / "here", info.tobuf(tarfile.GNU_FORMAT))
    assert refused.value.code == "too_big"


def test_many_small_files_count_with_their_size_on_disk(tmp_path: Path):
    blobs = [(f"blobs/sha256/00/{number:062x}", b"") for number in range(300)]
    with pytest.raises(Rejected, match="bigger than"):
        filtered(tmp_path / "here", tar_of(blobs))


def test_every_truncation_is_noticed(tmp_path: Path, files: dict[str, bytes]):
    tar = tar_of(files.items()).rstrip(b"\0")
    for number, at in enumerate(range(0, len(tar), 300)):
        with pytest.raises(Rejected):
            filtered(tmp_path / f"cut{number}", tar[:at])


@pytest.mark.parametrize("name", ["secret", "flume/log.offset"])
def test_a_secret_and_a_log_are_required(tmp_path: Path, files: dict[str, bytes], name: str):
    del files[name]
    with pytest.raises(Rejected, match=f"no {name}"):
        filtered(tmp_path / "here", tar_of(files.items()))


NAMES = st.one_of(
    st.sampled_from(
        ["secret", "flume/log.offset", "gossip.json", ".ssb/secret", "../x", "/etc/x", "blobs/sha256/aa"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=120),
)
MEMBERS = st.lists(
    st.tuples(
        NAMES,
        st.binary(max_size=700),
        st.sampled_from([b"0", b"5", b"2", b"1", b"L", b"x", b"g", b"K", b"S"]),
    )
)


@few
@given(members=MEMBERS, data=st.data())
def test_no_input_writes_outside_or_raises_another_error(members, data, tmp_path_factory):
    made = bytearray()
    for name, content, kind in members:
        info = tarfile.TarInfo(name)
        info.size, info.type = len(content), kind
        made += info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)
    made += bytes(data.draw(st.sampled_from([0, 512, 1024])))
    if made and data.draw(st.booleans()):
        made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
    place = tmp_path_factory.mktemp("filter")
    try:
        found = filtered(place / "here", bytes(made), step=data.draw(st.integers(1, 2000)))
    except Rejected as no:
        assert str(no)
        found = {}
    assert set(found) <= {"secret", "flume/log.offset", "gossip.json", "export.json"} or all(
        name.startswith("blobs/sha256/")
        for name in found
        if name not in ("secret", "flume/log.offset", "gossip.json")
    )
    assert [path.name for path in place.iterdir()] == ["here"]
