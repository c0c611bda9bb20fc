"""Sealing: compressed, then encrypted for a public age key. The sender has no key that opens it."""

import re
import zlib
from pathlib import Path
from typing import Any

import pyrage

from butt.vault import VaultTrouble

LARGEST = 256 << 20
"""Bytes of one thing when it is opened: the vault is not trusted to hold only small things."""


def recipient(text: str, setting: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise VaultTrouble(
            f"{setting} is no public age key (age1…): make one with `age-keygen`, and keep its secret part elsewhere."
        ) from error


def identities(path: Path) -> list[Any]:
    """The secret age keys in a file, as `age-keygen` writes them."""
    try:
        return [
            pyrage.x25519.Identity.from_str(key)
            for key in re.findall(r"^AGE-SECRET-KEY-\S+$", path.read_text(), re.MULTILINE)
        ]
    except (pyrage.IdentityError, OSError, ValueError) as error:
        raise VaultTrouble(f"{path} holds no secret age key that can be read: {error}") from error


def seal(data: bytes, to: Any) -> bytes:
    return bytes(pyrage.encrypt(zlib.compress(data, 6), [to]))


def unseal(sealed: bytes, keys: list[Any], name: str) -> bytes:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(pyrage.decrypt(sealed, keys), LARGEST)
    except (pyrage.DecryptError, zlib.error, ValueError) as error:
        raise VaultTrouble(f"{name} cannot be opened with this key: {error}") from error
    if not unpacking.eof:
        raise VaultTrouble(f"{name} is cut off, or larger than anything that was put there.")
    return data
