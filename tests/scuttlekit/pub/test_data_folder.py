"""Every file that the pub writes is in the list of its data folder, so no move, export or backup can forget one."""

import ast
from collections.abc import Iterator
from pathlib import Path

from scuttlekit import data_folder, pub
from scuttlekit.data_folder import BACKED_UP, BLOBS, ENTRIES, LOG, MADE_AGAIN, MOVED, TOLD_AGAIN

SOURCE = Path(pub.__file__).parent
FOLDERS = {"folder", "data"}
"""How the code of the pub calls its data folder."""


def test_every_file_that_the_code_of_the_pub_names_is_in_the_list():
    named = set(_named_in(SOURCE))
    assert {"flume", "invites", "offers.json", "secret"} <= named, "the code is read as it is written"
    assert named - ENTRIES == set(), "say in scuttlekit/data_folder.py whether it goes along"


def test_no_file_is_in_two_lists():
    lists = (MOVED, (BLOBS,), TOLD_AGAIN, MADE_AGAIN)
    assert sum(map(len, lists)) == len({name for each in lists for name in each})


def test_files_that_cannot_be_made_again_are_backed_up():
    assert {*BACKED_UP, LOG} == {*MOVED, *TOLD_AGAIN}


def test_the_documentation_names_each_file():
    page = (SOURCE.parents[1] / "PUB.md").read_text()
    assert [name for name in (*MOVED, BLOBS, *TOLD_AGAIN) if f"`{name}" not in page] == []


def _named_in(source: Path) -> Iterator[str]:
    """The first step below the data folder, wherever one is written as `folder / step`."""
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_folder(node.left):
                if isinstance(node.right, ast.Constant):
                    yield str(node.right.value).partition("/")[0]
                elif isinstance(node.right, ast.Name) and hasattr(data_folder, node.right.id):
                    yield getattr(data_folder, node.right.id).partition("/")[0]


def _is_folder(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.strip("_") in FOLDERS
