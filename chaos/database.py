"""A PostgreSQL that can be restarted under the service."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.postgres import cluster


@contextmanager
def restartable() -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and a function that restarts it as a crash would, without waiting for anybody."""
    with cluster() as url:
        folder = Path(unquote(urlsplit(url).netloc.partition("@")[2]))
        program = max(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        # Its folder belongs to its user, whoever that is.
        owner = (folder / "data").stat().st_uid

        def restart() -> None:
            command = [str(program), "-D", str(folder / "data"), "-m", "immediate", "-w", "restart"]
            quiet = subprocess.DEVNULL
            command += ["-l", str(folder / "log")]
            subprocess.run(
                command, check=True, user=owner, cwd=folder, stdout=quiet, stderr=quiet, timeout=60
            )

        yield url, restart
