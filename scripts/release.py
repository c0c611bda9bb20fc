"""Make a release of the last commit in `dist`: source distribution, wheel, list of parts, notes, and container image.

    make release ARGS="--draft --no-image"

The version stands in `pyproject.toml`, and its notes in `CHANGELOG.md` under `## VERSION`. Nothing is published.
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / ".venv" / "bin"
UNRELEASED = "Unreleased"


def main() -> None:
    arguments = _arguments()
    dist: Path = arguments.to
    dist.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="butt-release-") as scratch:
        source = checked_out(Path(scratch))
        version = version_of(source)
        notes = notes_of((source / "CHANGELOG.md").read_text(), version, draft=arguments.draft)
        packages(source, dist)
        parts_list(source, dist, version, Path(scratch))
        (dist / f"butt-{version}.md").write_text(notes)
        if arguments.image:
            image(source, version, dist / f"butt-{version}-image.tar.gz")
    for path in sorted(dist.glob(f"butt-{version}*")):
        print(path)


def checked_out(folder: Path) -> Path:
    """Put the last commit's files into `folder`: what is not committed is not released."""
    packed, source = folder / "source.tar", folder / "source"
    _run(["git", "-C", str(ROOT), "archive", "--format=tar", f"--output={packed}", "HEAD"])
    source.mkdir()
    _run(["tar", "--extract", f"--file={packed}", f"--directory={source}"])
    return source


def version_of(source: Path) -> str:
    return str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"])


def notes_of(changelog: str, version: str, *, draft: bool = False) -> str:
    """The changelog's notes for this version; a draft may use the unreleased ones. Ends the program if there are none."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    found = {section.split()[0]: section.partition("\n")[2].strip() for section in sections}
    notes = found.get(version) or (found.get(UNRELEASED) if draft else None)
    if not notes:
        sys.exit(f"CHANGELOG.md has nothing under “## {version}”: write what is new, or give --draft.")
    return f"# Butt as a Service {version}\n\n{notes}\n"


def packages(source: Path, dist: Path) -> None:
    """Build the source distribution, and the wheel from it: that proves that it is complete."""
    when = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True
    )
    environment = {**os.environ, "SOURCE_DATE_EPOCH": when.stdout.strip()}
    build = [str(PROGRAMS / "uv"), "build", "--quiet", "--no-build-isolation", f"--out-dir={dist}"]
    _run([*build, f"--python={PROGRAMS / 'python'}", str(source)], environment)
    (dist / ".gitignore").unlink(missing_ok=True)


def parts_list(source: Path, dist: Path, version: str, scratch: Path) -> None:
    """Write a CycloneDX list (SBOM) of the wheel and of all packages in the lockfile, as they are installed."""
    python = scratch / "installed" / "bin" / "python"
    uv = str(PROGRAMS / "uv")
    _run([uv, "venv", "--quiet", f"--python={PROGRAMS / 'python'}", str(scratch / "installed")])
    install = [uv, "pip", "install", "--quiet", f"--python={python}"]
    _run([*install, "--require-hashes", f"--requirement={source / 'requirements' / 'run.txt'}"])
    _run([*install, "--no-deps", str(dist / f"butt-{version}-py3-none-any.whl")])
    _run(
        [
            *(str(PROGRAMS / "cyclonedx-py"), "environment", str(python)),
            *(f"--pyproject={source / 'pyproject.toml'}", "--mc-type=application", "--output-reproducible"),
            f"--output-file={dist / f'butt-{version}.cdx.json'}",
        ]
    )


def image(source: Path, version: str, path: Path) -> None:
    """Build the image of the control plane, for `docker load`. It also stays on this machine as `butt:VERSION`."""
    if not shutil.which("docker"):
        sys.exit("The image is built by Docker: install it, or give --no-image.")
    name = f"butt:{version}"
    _run(["docker", "build", "--file", str(source / "deploy" / "Dockerfile"), "--tag", name, str(source)])
    _run(["docker", "save", f"--output={path.with_suffix('')}", name])
    with path.with_suffix("").open("rb") as plain, gzip.open(path, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    path.with_suffix("").unlink()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="the folder (dist)")
    parser.add_argument("--draft", action="store_true", help="with the notes of what is unreleased")
    parser.add_argument("--no-image", dest="image", action="store_false", help="without Docker")
    return parser.parse_args()


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    if subprocess.run(command, env=environment, check=False).returncode:
        sys.exit(f"This failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
