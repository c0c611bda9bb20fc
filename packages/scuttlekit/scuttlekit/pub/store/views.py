"""The indexes that ssb-server keeps beside the log. A pub of ours leaves them, for the way back, as long as they are true."""

from pathlib import Path
from typing import Final

_OURS: Final = "index.sqlite"


def forget_views(log: Path) -> None:
    """Remove them: they tell of a log that is no more.

    They know how far they came by a byte of the log alone. In a log that was cut and went on in another way they would not
    notice, and ssb-server would take its own feed for longer or shorter than it is. It makes them again when they are gone.
    """
    # Loaded on the rare day: it brings along what unpacks archives.
    import shutil

    for path in log.parent.iterdir():
        if path == log or path.name.startswith(_OURS):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
