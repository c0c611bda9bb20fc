"""A source small enough to be built in a moment: it depends on nothing."""

import json
from pathlib import Path


def source(folder: Path, main: str = "", packages: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pub.js").write_text(main)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    package = {"name": "tiny", "version": "1.0.0", "main": "pub.js", "dependencies": packages or {}}
    (folder / "package.json").write_text(json.dumps(package))
    locked = {f"node_modules/{name}": {"version": version} for name, version in (packages or {}).items()}
    lock = {"name": "tiny", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package, **locked}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder
