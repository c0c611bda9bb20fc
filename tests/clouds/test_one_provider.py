"""Only a provider's own driver knows its names: a second provider needs no change elsewhere."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = re.compile(
    r"scaleway|SCW|\bsbs\b|sbs_|fr-par|nl-ams|pl-waw|STARDUST|DEV1-|PLAY2|PRO2-|routed_ip|stopped_in_place",
    re.IGNORECASE,
)
KNOWS = (
    "butt/clouds/scaleway/",
    "standins/scaleway/",
    "docs/scaleway.md",
    # They drive the stand-in, or name the driver that comes with the service.
    "tests/clouds/",
    "tests/standins/",
    # A whole wheel of an earlier version.
    "tests/release/last/",
    "bench/clouds.py",
    "pyproject.toml",
    "requirements/",
    ".importlinter",
)
MENTIONS = {
    "CHANGELOG.md": r".*",
    "docs/README.md": r"scaleway\.md|\[Scaleway\]",
    "docs/architecture/choices.md": r"scaleway|Scaleway",
    "docs/architecture/machines.md": r"scaleway|Scaleway",
    "docs/architecture/packages.md": r"scaleway|Scaleway",
    "docs/architecture/tools.md": r"Scaleway",
    "docs/changes.md": r"clouds/scaleway/",
    "docs/operate.md": r"--cloud scaleway",
    "docs/operate/cloud.md": r"scaleway\.md|Scaleway|BUTT_CLOUD=scaleway",
    "docs/settings.md": r"BUTT_SCALEWAY_\w+|.*",
    "docs/threats.md": r"butt/clouds/scaleway/\w+\.py",
    "docs/writing.md": r"butt/clouds/scaleway/",
    "tests/attacks/test_children.py": r"BUTT_SCALEWAY_SECRET_KEY",
    "tests/docs/test_docs.py": r"butt\.clouds\.scaleway\.settings|ScalewaySettings",
    "tests/command/test_up.py": r"there is here, scaleway",
}
"""Where else, and as what."""


def test_only_the_driver_knows_names_of_its_provider():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    strange = []
    for name in tracked.splitlines():
        path = ROOT / name
        if name.startswith(KNOWS) or name.endswith("package-lock.json") or not path.is_file():
            continue
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
            left = re.sub(MENTIONS[name], "", line) if name in MENTIONS else line
            if NAMES.search(left):
                strange.append(f"{name}:{number}: {line.strip()[:100]}")
    assert strange == []


def test_the_example_of_a_cloud_names_no_provider():
    assert NAMES.search((ROOT / "examples" / "attic.py").read_text()) is None
