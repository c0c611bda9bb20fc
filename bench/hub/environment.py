"""JupyterHub and its proxy in an environment of their own below `build/hub`: nothing of ours imports them."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from butt.sources.node import NODE, NPM

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "hub.txt"
PLACE = ROOT / "build" / "hub"
BIN = PLACE / "bin"


def hub_version() -> str:
    done = subprocess.run([BIN / "jupyterhub", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def install() -> None:
    """Once for each lockfile; it takes about a minute."""
    own = Path(__file__).parent
    wanted = hashlib.sha256(LOCK.read_bytes() + (own / "package-lock.json").read_bytes()).hexdigest()
    done = PLACE / "done"
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", PLACE], check=True)
    pip = [BIN / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    subprocess.run([*pip, "--require-hashes", "-r", LOCK], check=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(own / name, PLACE)
    subprocess.run([*NPM, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=PLACE, check=True)
    # The hub looks for its proxy on the path, and the proxy for Node.
    (BIN / "node").symlink_to(NODE)
    (BIN / "configurable-http-proxy").symlink_to(PLACE / "node_modules/.bin/configurable-http-proxy")
    done.write_text(wanted)
