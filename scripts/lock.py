"""Write the lockfiles, with hashes and without the address of any registry."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = [
    str(ROOT / ".venv/bin/uv"),
    "pip",
    "compile",
    "--quiet",
    "--upgrade",
    "--generate-hashes",
    "--no-header",
]
UV += ["--python-version", "3.11"]


def main() -> None:
    for arguments in (
        # For every Python that the service runs on, not only for this one.
        ["pyproject.toml", "--universal", "--output-file", "requirements/run.txt"],
        [
            "pyproject.toml",
            "--universal",
            "--group",
            "dev",
            "--constraint",
            "requirements/run.txt",
            "--output-file",
            "requirements/dev.txt",
        ],
        [
            "packages/scuttlekit/pyproject.toml",
            "--universal",
            "--constraint",
            "requirements/run.txt",
            "--output-file",
            "packages/scuttlekit/requirements.txt",
        ],
        ["requirements/salt.in", "--output-file", "requirements/salt.txt"],
        ["requirements/hub.in", "--output-file", "requirements/hub.txt"],
    ):
        if subprocess.run([*UV, *arguments], cwd=ROOT, check=False).returncode:
            sys.exit("The lockfiles could not be made.")


if __name__ == "__main__":
    main()
