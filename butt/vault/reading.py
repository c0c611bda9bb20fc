"""Reading a bot back from the vault into a folder, and checking every byte of it. Nothing runs here."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import obstore

from butt.storage import Store
from butt.vault import VaultAway, VaultTrouble
from butt.vault.names import LogPiece, chain, pieces_in, prefix
from butt.vault.sealing import unseal
from butt.vault.sender import SMALL, digest, is_blob
from butt.vault.writing import reaching, things_of
from scuttlekit import ScuttlebuttError, canonical
from scuttlekit.files import write_whole
from scuttlekit.keys import KeyPair
from scuttlekit.messages import Head, Message, validate, verify
from scuttlekit.offsetlog import BLOCK, LONGEST_RECORD, cut, survey

TRIES = 3
"""How often reading begins again if something listed is gone: small pieces may be merged meanwhile."""


class _Gone(VaultTrouble):
    """Something is listed, but not there."""


@dataclass(frozen=True)
class Copy:
    """What the vault has of a bot: messages of all feeds, and the highest sequence of its own."""

    messages: int
    sequence: int
    blobs: int


def read(store: Store, bot_id: uuid.UUID, ssb_id: str, keys: list[Any], folder: Path) -> Copy:
    """Read what the vault has of a bot into `folder`, which is empty. Raises `VaultTrouble`; `VaultAway` if nothing is known
    to be wrong, but the vault or the folder cannot be used now.

    Of several lines of its log, the one with most of its own messages is taken. A log whose own feed is forked, or that has a
    wrong signature, is refused.
    """
    for _ in range(TRIES - 1):
        try:
            return _read(store, bot_id, ssb_id, keys, folder)
        except _Gone:
            for place in folder.iterdir():
                shutil.rmtree(place) if place.is_dir() else place.unlink()
    return _read(store, bot_id, ssb_id, keys, folder)


def _read(store: Store, bot_id: uuid.UUID, ssb_id: str, keys: list[Any], folder: Path) -> Copy:
    """One try of `read`. Raises `_Gone` as well."""
    with reaching():
        names = [name for name, _ in things_of(store, bot_id)]
    try:
        _read_secret(store, bot_id, ssb_id, keys, folder, names)
        for what, file in SMALL.items():
            if newest := max((name for name in names if name.startswith(f"{what}/")), default=""):
                write_whole(folder / file, _thing(store, bot_id, newest, keys), lasting=True)
        messages, sequence = _read_log(store, bot_id, ssb_id, keys, folder, names)
        blobs = [name for name in names if name.startswith("blobs/")]
        for name in blobs:
            _read_blob(store, bot_id, name, keys, folder)
    except OSError as error:
        raise VaultAway(f"The copy could not be written to {folder}: {error}") from error
    return Copy(messages, sequence, len(blobs))


def _read_secret(
    store: Store, bot_id: uuid.UUID, ssb_id: str, keys: list[Any], folder: Path, names: list[str]
) -> None:
    for name in sorted((name for name in names if name.startswith("secret/")), reverse=True):
        path = folder / "secret"
        write_whole(path, _thing(store, bot_id, name, keys), lasting=True)
        try:
            if KeyPair.load(path).id == ssb_id:
                path.chmod(0o400)
                return
        except ScuttlebuttError:
            pass
        path.unlink()
    raise VaultTrouble("The vault has no secret of this bot. Was it sealed for another key?")


def _read_log(
    store: Store, bot_id: uuid.UUID, ssb_id: str, keys: list[Any], folder: Path, names: list[str]
) -> tuple[int, int]:
    place = folder / "flume" / "log.offset"
    place.parent.mkdir()
    best: tuple[int, int] = (0, 0)
    place.touch()
    for pieces in pieces_in(names).values():
        draft = place.with_name("draft")
        with draft.open("w+b") as file:
            for piece in chain(pieces):
                data = _bytes_of(store, bot_id, piece, keys)
                again = file.tell() - piece.start  # Bytes that the piece before it has as well.
                file.seek(piece.start)
                if file.read(again) != data[:again]:
                    raise VaultTrouble(f"{piece.name} in the vault does not fit the piece before it.")
                file.write(data[again:])
            size = file.tell()
            found = survey(file, size, ssb_id)
            if found.whole != size:
                raise VaultTrouble(f"The log in the vault is damaged at byte {found.whole}.")
            if (found.sequence, found.records) > best or not place.stat().st_size:
                check(file, size, ssb_id)
                best = (found.sequence, found.records)
                draft.replace(place)
        draft.unlink(missing_ok=True)
    return best[1], best[0]


def _bytes_of(store: Store, bot_id: uuid.UUID, piece: LogPiece, keys: list[Any]) -> bytes:
    data = _thing(store, bot_id, piece.name, keys)
    if len(data) != piece.end - piece.start or digest(data) != piece.digest:
        raise VaultTrouble(f"{piece.name} in the vault is not what its name says.")
    return data


def _read_blob(store: Store, bot_id: uuid.UUID, name: str, keys: list[Any], folder: Path) -> None:
    hexadecimal = name.removeprefix("blobs/").removesuffix(".age")
    content = _thing(store, bot_id, name, keys)
    if not is_blob(hexadecimal, content):
        raise VaultTrouble(f"{name} in the vault is not what its name says.")
    path = folder / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _thing(store: Store, bot_id: uuid.UUID, name: str, keys: list[Any]) -> bytes:
    with reaching():
        try:
            sealed = bytes(obstore.get(store, f"{prefix(bot_id)}/{name}").bytes())
        except FileNotFoundError as error:
            raise _Gone(f"The vault lists {name}, but does not have it.") from error
    return unseal(sealed, keys, name)


def check(file: BinaryIO, size: int, ssb_id: str) -> None:
    """Check each message's signature, and that the bot's own feed is one unbroken chain. Raises `VaultTrouble`."""
    head: Head | None = None
    for record in _records(file, size):
        try:
            value = canonical.parse(record)["value"]
            if value.get("author") == ssb_id:
                message: Message = validate(value, head)
                head = message.head
            else:
                verify(value)
        except (ScuttlebuttError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise VaultTrouble(f"A message in the vault is not valid, and may be a fork: {error}") from error


def _records(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The records of a complete log that were not deleted."""
    at = 0
    while at < size:
        file.seek(at)
        data = file.read(min(size - at, BLOCK + LONGEST_RECORD))
        spans, reach, _ = cut(data, at)
        if not reach:
            raise VaultTrouble(f"The log in the vault is damaged at byte {at}.")
        for begin, end in spans:
            if data[begin : begin + 1] != b"\0":
                yield data[begin:end]
        at += reach
