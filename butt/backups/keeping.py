"""Backups in object storage: encrypted before they leave, named by their time, and limited in number."""

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import obstore
import pyrage

from butt.backups import BackupTrouble
from butt.backups.making import make_backup
from butt.storage import TROUBLE, Store, store_at

NAME = re.compile(r"butt-(\d{8}T\d{6}Z)\.zip\.age")
MOMENT = "%Y%m%dT%H%M%SZ"
BLOCK = 1 << 20


def keep_backup(home: Path, place: str, recipient: str, most: int) -> tuple[str, int]:
    """Make a backup and put it there, encrypted for `recipient`; returns its address, and how many rows it has.

    Older ones beyond `most` are deleted once it is there. Raises `BackupTrouble`.
    """
    key = recipient_of(recipient)
    store = store_at(place)
    name = f"butt-{datetime.now(UTC).strftime(MOMENT)}.zip.age"
    with tempfile.TemporaryDirectory(prefix="backup-", dir=home) as folder:
        plain, sealed = Path(folder) / "backup.zip", Path(folder) / name
        count = make_backup(home, plain)
        try:
            seal_backup(plain, sealed, key)
            plain.unlink()
            with sealed.open("rb") as file:
                obstore.put(store, name, file)
            if obstore.head(store, name)["size"] != sealed.stat().st_size:
                raise BackupTrouble(
                    f"{place} did not store all the bytes that it was sent. Check {name} there."
                )
            for older in kept(store)[most:]:
                obstore.delete(store, older)
        except TROUBLE as error:
            raise BackupTrouble(f"The backup cannot be kept at {place}: {error}") from error
    return f"{place.rstrip('/')}/{name}", count


def kept(store: Store) -> list[str]:
    """The names of the backups there, the newest first. Other files there are ignored."""
    names = (one["path"] for some in obstore.list(store) for one in some)
    return sorted((name for name in names if NAME.fullmatch(name)), reverse=True)


def newest(place: str) -> datetime | None:
    """When the newest backup there was made. Raises `BackupTrouble`."""
    try:
        names = kept(store_at(place))
    except TROUBLE as error:
        raise BackupTrouble(f"Cannot list the backups at {place}: {error}") from error
    found = NAME.fullmatch(names[0]) if names else None
    return datetime.strptime(found[1], MOMENT).replace(tzinfo=UTC) if found else None


def fetch_backup(address: str, target: BinaryIO) -> None:
    """Write the bytes of a backup in object storage to `target`. Raises `BackupTrouble`."""
    place, _, name = address.rpartition("/")
    try:
        target.writelines(obstore.get(store_at(place), name).stream(min_chunk_size=BLOCK))
    except TROUBLE as error:
        raise BackupTrouble(f"{address} cannot be fetched: {error}") from error


def seal_backup(plain: Path, sealed: Path, key: "pyrage.x25519.Recipient") -> None:
    """Encrypt a backup. Raises `BackupTrouble`."""
    try:
        with plain.open("rb") as source, sealed.open("wb") as target:
            pyrage.encrypt_io(source, target, [key])
    except (pyrage.EncryptError, OSError) as error:
        raise BackupTrouble(f"The backup cannot be encrypted: {error}. Nothing is left of it.") from error


def open_backup(sealed: Path, identity: Path, target: BinaryIO) -> None:
    """Decrypt a backup with the age key in the file `identity`. Raises `BackupTrouble`."""
    try:
        text = identity.read_text()
        keys = [
            pyrage.x25519.Identity.from_str(line)
            for line in text.split()
            if line.startswith("AGE-SECRET-KEY-")
        ]
        with sealed.open("rb") as source:
            pyrage.decrypt_io(source, target, keys)
    except (pyrage.DecryptError, pyrage.IdentityError, OSError, ValueError) as error:
        raise BackupTrouble(f"The key in {identity} does not open this backup: {error}") from error


def recipient_of(text: str) -> "pyrage.x25519.Recipient":
    """The public key that backups are encrypted for. Raises `BackupTrouble`."""
    try:
        return cast("pyrage.x25519.Recipient", pyrage.x25519.Recipient.from_str(text))
    except pyrage.RecipientError as error:
        raise BackupTrouble(
            "A backup that leaves this machine is encrypted: set BUTT_BACKUP_KEY to a public age key (age1…), as "
            "`age-keygen` makes it, and keep its secret key elsewhere."
        ) from error
