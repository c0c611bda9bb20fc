"""The examples, found as if they were installed beside the service."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """What `pip install ./examples` leaves behind: the modules on the path, and their entry points."""
    project = tomllib.loads((EXAMPLES / "pyproject.toml").read_text())["project"]
    notes = tmp_path / "butt_examples-0.1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in named.items())
        for group, named in project["entry-points"].items()
    ]
    (notes / "entry_points.txt").write_text("\n".join(lines))
    added = [str(tmp_path), str(EXAMPLES)]
    sys.path.extend(added)
    yield
    for path in added:
        sys.path.remove(path)
