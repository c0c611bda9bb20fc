"""Which files go along when a bot's data moves is the same here and on machines."""

import ast
import sys
from pathlib import Path

import pytest

from butt.exports.bundle import ExportPart
from butt.exports.tar import packed
from butt.hosts import bundles
from butt.hosts.interface import Folder
from butt.imports.tar_filter import TarFilter
from scuttlekit.data_folder import MOVED, STATE_OF_SERVICE
from tests.exports.folders import fill
from tests.on_machines import MODULES, module_of

OF_A_MOVE = {"sequence", *STATE_OF_SERVICE}


def names(folder: Folder, part: ExportPart | None = None) -> set[str]:
    bundle = bundles.bundle(folder, part) if part else bundles.moving(folder)
    found = {item.name for item in bundle.items}
    assert len(found) == bundle.count
    return {name for name in found if not name.startswith("blobs/")}


def test_a_move_includes_everything_and_an_export_what_is_useful_elsewhere(tmp_path: Path):
    folder = fill(Folder(tmp_path))
    for name in {*OF_A_MOVE, "aliases.json"}:
        (folder.data / name).write_text("1\n")
    assert names(folder) == set(MOVED)
    assert names(folder, ExportPart.ALL) == set(MOVED) - OF_A_MOVE


def test_machines_send_the_same_files():
    sent = module_of("butt_exports")["FILES"]
    assert set(sent["move"]) == set(MOVED)
    assert set(sent["all"]) == set(MOVED) - OF_A_MOVE


LINKS = sorted(path for path in MODULES.rglob("*.py") if path.is_symlink())


@pytest.mark.parametrize("module", LINKS, ids=lambda module: module.stem)
def test_what_machines_share_with_us_needs_only_what_they_have(module: Path):
    """Salt brings its own Python, in which nothing of ours is installed."""
    here = {f"scuttlekit.{path.stem}" for path in (MODULES / "scuttlekit").glob("*.py")}
    tree = ast.parse(module.read_text())
    needed = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    needed |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {name for name in needed if str(name).partition(".")[0] not in sys.stdlib_module_names} <= here


def test_machines_share_some_modules_with_us():
    assert {path.stem for path in LINKS} >= {"butt_trial", "butt_quota", "files", "folders"}


def test_a_move_is_unpacked_whole_and_an_import_in_part(tmp_path: Path):
    folder = fill(Folder(tmp_path / "there"))
    for name in {*OF_A_MOVE, "aliases.json"}:
        (folder.data / name).write_text("1\n")
    made = bundles.moving(folder)
    tar = b"".join(packed(made.items, made.tar_size, 0))
    assert taken(tmp_path / "moved", tar, move=True) == set(MOVED)
    assert taken(tmp_path / "imported", tar, move=False) == set(MOVED) - OF_A_MOVE


def taken(place: Path, tar: bytes, *, move: bool) -> set[str]:
    tar_filter = TarFilter(place, len(tar) * 8, move=move)
    tar_filter.feed(tar)
    tar_filter.finish()
    return tar_filter.kept
