"""Write the snapshot of a new database into `butt/resources/schema.sql`: `.venv/bin/python scripts/schema.py`.

`butt up` makes its tables from it, which is much quicker than migrating. Run this after each new migration.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from butt import resources
from butt.command.schema import dump


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
        command = [sys.executable, "-m", "butt", "manage", "--home", home, "migrate", "-v0"]
        subprocess.run(command, env=environment, check=True)
        resources.SCHEMA.write_text(dump(Path(home) / "butt.sqlite3"))


if __name__ == "__main__":
    main()
