"""Make the virtual environment and install a locked set of dependencies into it.

Runs on a bare Python. Debian has the part that puts pip into a new environment in a separate package, which is installed here
if we have the rights to.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
PIP = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
QUIET = ["--quiet", "--no-input"]
OLDEST, TOO_NEW = (3, 11), (3, 15)


def main(wanted: str) -> None:
    if not OLDEST <= sys.version_info < TOO_NEW:
        sys.exit(
            f"Python 3.11 to 3.14 is needed; this is {sys.version.split()[0]}. Give another: make PYTHON=…"
        )
    if not works():
        make_environment()
    print(f"Installing the packages of requirements/{wanted}.txt …", flush=True)
    run([*PIP, "install", *QUIET, "--require-hashes", "-r", str(ROOT / "requirements" / f"{wanted}.txt")])
    if wanted == "run":
        # setuptools warns that changes here take effect at once, which is the point of an editable installation.
        os.environ["PYTHONWARNINGS"] = "ignore:Editable installation"
        run([*PIP, "install", *QUIET, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    (VENV / f"{wanted}.done").touch()


def works() -> bool:
    try:
        return subprocess.run([*PIP, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        install_ensurepip()
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)])


def install_ensurepip() -> None:
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if not shutil.which("apt-get"):
        sys.exit("This Python lacks ensurepip: install the package that has it, then try again.")
    if os.geteuid():
        sys.exit(f"This Python lacks ensurepip. Run: sudo apt-get install {package}")
    print(f"Installing {package} …", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", package], quiet=True)


def run(command: list[str], *, quiet: bool = False) -> None:
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode:
        sys.exit(f"This failed: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1])
