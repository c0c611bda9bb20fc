"""A pub's folder as a tar, and people who upload one to a real service."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from butt.hosts.interface import Folder
from tests.exports.folders import fill


def tar_of(files: Iterable[tuple[str, bytes]], kind: int = tarfile.GNU_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=kind) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def folder_files(place: Path, messages: int = 2) -> dict[str, bytes]:
    """The files of a pub's data folder, made at `place`."""
    data = fill(Folder(place), messages).data
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}
