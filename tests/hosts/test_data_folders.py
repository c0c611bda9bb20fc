"""Which files go along when a bot's data moves is the same here and on machines, which have none of our
code.
"""

import runpy
from pathlib import Path
from typing import Any

from butt.exports.bundle import ExportPart
from butt.exports.tar import packed
from butt.hosts import bundles, trial
from butt.hosts.interface import Folder
from butt.imports.tar_filter import TarFilter
from butt.vault.writing import STATE
from scuttlekit.data_folder import ENTRIES, MOVED, STATE_OF_SERVICE
from tests.exports.folders import fill

MODULES = Path(__file__).parents[2] / "salt" / "files" / "_modules"
OF_A_MOVE = {"sequence", *STATE_OF_SERVICE}


def module(name: str) -> dict[str, Any]:
    return runpy.run_path(str(MODULES / f"{name}.py"))


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


def test_machines_send_and_accept_the_same_files():
    sent = module("butt_exports")["FILES"]
    assert set(sent["move"]) == set(MOVED)
    assert set(sent["all"]) == set(MOVED) - OF_A_MOVE
    taken = module("butt_cargo")["_KNOWN"]
    assert [name for name in MOVED if not taken.fullmatch(name)] == []


def test_machines_send_the_same_files_to_the_vault():
    assert module("butt_vault")["SMALL"] == STATE


def test_both_hosts_know_the_same_files_of_a_pub():
    there = module("butt_trial")
    assert there["OF_A_PUB"] == ENTRIES
    assert (there["BALLAST"], there["FULL"]) == (trial.BALLAST, trial.FULL)


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
