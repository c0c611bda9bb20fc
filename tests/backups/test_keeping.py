"""Backups in object storage: encrypted, limited in number, and restored from there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import obstore
import pyrage
import pytest

from butt.backups import BackupTrouble
from butt.backups.keeping import kept, newest, seal_backup
from butt.storage import NoStore, store_at
from tests.s3 import s3_server
from tests.tables import with_tables


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with s3_server() as variables:
        yield variables


@pytest.fixture
def key(tmp_path: Path) -> "pyrage.x25519.Identity":
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# public key: {key.to_public()}\n{key}\n")
    return key


def butt(home: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    name, *rest = map(str, command)
    return subprocess.run(
        [sys.executable, "-m", "butt", name, "--home", str(home), *rest],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_service_is_restored_from_a_bucket(
    bucket: dict[str, str], key: "pyrage.x25519.Identity", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The oldest backup is removed when there are enough of them. Files that are not ours stay."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    place = "s3://copies/of/butt"
    store = store_at(place)
    obstore.put(store, "butt-20200101T000000Z.zip.age", b"old")
    obstore.put(store, "somebody-elses", b"theirs")
    settings = {"BUTT_BACKUP_TO": place, "BUTT_BACKUP_KEY": str(key.to_public()), "BUTT_BACKUP_KEEP": "1"}
    old, new = with_tables(tmp_path / "old"), tmp_path / "new"
    script = (
        "from tests.people import *; from butt.identity import service_keys; service_keys(); person('alice')"
    )
    assert butt(old, "manage", "shell", "-v0", "-c", script).returncode == 0
    before = newest(place)
    assert before
    assert before.year == 2020

    done = butt(old, "backup", **settings, **bucket)

    assert done.returncode == 0, done.stderr
    (name,) = kept(store)
    assert name != "butt-20200101T000000Z.zip.age"
    assert obstore.get(store, "somebody-elses").bytes() == b"theirs"
    assert bytes(obstore.get(store, name).bytes()).startswith(b"age-encryption.org/v1")
    after = newest(place)
    assert after
    assert (datetime.now(UTC) - after).total_seconds() < 600
    assert not [path.name for path in old.iterdir() if path.name.startswith("backup-")]

    refused = butt(new, "restore", f"{place}/{name}", **bucket)
    assert "Give --key FILE" in refused.stderr
    wrong = pyrage.x25519.Identity.generate()
    (tmp_path / "wrong.txt").write_text(str(wrong))
    refused = butt(new, "restore", f"{place}/{name}", "--key", tmp_path / "wrong.txt", **bucket)
    assert "does not open this backup" in refused.stderr
    done = butt(new, "restore", f"{place}/{name}", "--key", tmp_path / "key.txt", **bucket)
    assert done.returncode == 0, done.stderr
    assert (new / "identity").read_bytes() == (old / "identity").read_bytes()


def test_a_backup_that_cannot_be_kept_says_why(tmp_path: Path, key: "pyrage.x25519.Identity"):
    there = f"file://{tmp_path / 'kept'}"
    assert "Name a FILE" in butt(tmp_path / "home", "backup").stderr
    said = butt(tmp_path / "home", "backup", "--to", there)
    assert (said.returncode, "set BUTT_BACKUP_KEY" in said.stderr) == (1, True)
    public = {"BUTT_BACKUP_KEY": str(key.to_public())}
    said = butt(tmp_path / "home", "backup", "--to", "ftp://x", **public)
    assert (said.returncode, "is not a place for copies" in said.stderr) == (1, True)
    assert not (tmp_path / "kept").exists()


def test_no_room_for_an_encrypted_backup_is_said_in_words(tmp_path: Path, key: "pyrage.x25519.Identity"):
    (tmp_path / "backup.zip").write_bytes(bytes(100_000))
    with pytest.raises(BackupTrouble, match=r"cannot be encrypted: .*No space left"):
        seal_backup(tmp_path / "backup.zip", Path("/dev/full"), key.to_public())


@pytest.mark.parametrize(
    "place", ["", "/folder", "file://host/folder", "file:///", "s3://", "s3://k:s@bucket", "ftp://x"]
)
def test_an_address_that_names_no_store_is_refused(place: str):
    with pytest.raises(NoStore, match=r"not a place for copies|names no bucket"):
        store_at(place)
