"""The tar can be read by every tar program, and has the announced size, whatever disappears meanwhile."""

import io
import tarfile
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.exports.bundle import FileGone, Item
from butt.exports.tar import END, Shrunk, entry_size, packed
from tests.scuttlekit.peers import few

files = st.lists(st.tuples(st.binary(max_size=3000), st.booleans()), max_size=8)


def item(name: str, data: bytes, *, gone: bool = False) -> Item:
    def read() -> Iterator[bytes]:
        if gone:
            raise FileGone
        return iter([data[:700], data[700:]])

    return Item(name, len(data), read)


@few
@given(files)
def test_files_come_out_and_the_size_is_as_announced(content: list[tuple[bytes, bool]]):
    items = [item(f"blobs/{number}", data, gone=gone) for number, (data, gone) in enumerate(content)]
    total = END + sum(entry_size(each.size) for each in items)
    tar = b"".join(packed(items, total, 0))
    assert len(tar) == total
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        found = {info.name: archive.extractfile(info).read() for info in archive}
    assert found == {f"blobs/{number}": data for number, (data, gone) in enumerate(content) if not gone}


def test_data_added_meanwhile_is_left_out():
    items = [item("a", b"1"), item("b", b"2")]
    tar = b"".join(packed(items, END + entry_size(1), 0))
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == ["a"]


def test_a_file_that_shrinks_is_an_error():
    short = Item("a", 10, partial(iter, [b"123"]))
    with pytest.raises(Shrunk):
        list(packed([short], END + entry_size(10), 0))
