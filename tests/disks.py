"""Small disks for one test, which can be full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BLOCK = 4096


@contextmanager
def disk(path: Path, size: str) -> Iterator[None]:
    """A disk of this size at `path`. Only root can mount one."""
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(path: Path, leave: int = 0) -> None:
    """Fill the disk with a file at `path`, except for this many blocks."""
    with path.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(BLOCK))
        file.truncate(file.tell() - leave * BLOCK)
