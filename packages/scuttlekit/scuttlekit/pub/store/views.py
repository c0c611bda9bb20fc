"""ssb-server's indexes beside the log. The pub keeps them for a return to ssb-server, as long as they are valid."""

from pathlib import Path
from typing import Final

_OURS: Final = "index.sqlite"


def forget_views(log: Path) -> None:
    """Remove the indexes when their log no longer exists in that form.

    They record only up to which byte they cover the log. If the log was cut and then continued differently,
    they would not notice, and ssb-server would mistake the length of its own feed. Once removed, ssb-server
    rebuilds them.
    """
    # Imported late, since it is rarely needed and brings in code for archives.
    import shutil

    for path in log.parent.iterdir():
        if path == log or path.name.startswith(_OURS):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
