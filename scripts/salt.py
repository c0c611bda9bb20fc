"""Install Salt into its own environment, `.salt`: its programs are run, and nothing of it is imported.

Salt is available only as source and is built here, which takes a C compiler and about half a minute.
"""

import os
import shutil
import subprocess
import sys

from setup import ROOT, install_ensurepip, run

SALT = ROOT / ".salt"
LOCK = ROOT / "requirements" / "salt.txt"

QUICK = "-O0"
"""For the C compiler. At pip's own level, one file of a package that reads dates takes most of the time, and Salt reads few."""


def main() -> None:
    have_a_compiler()
    shutil.rmtree(SALT, ignore_errors=True)
    if subprocess.run(
        [sys.executable, "-c", "import ensurepip"], check=False, capture_output=True
    ).returncode:
        install_ensurepip()
    run([sys.executable, "-m", "venv", str(SALT)])
    print("Installing the packages of requirements/salt.txt (about half a minute) …", flush=True)
    pip = [str(SALT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    os.environ.setdefault("CFLAGS", QUICK)
    run([*pip, "install", "--quiet", "--no-input", "--require-hashes", "-r", str(LOCK)])
    (SALT / "done").touch()


def have_a_compiler() -> None:
    if shutil.which("cc"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        sys.exit(
            "Salt is built from source: install a C compiler first (sudo apt-get install gcc libc6-dev)."
        )
    print("Installing a C compiler …", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"])
    packages = ["gcc", "libc6-dev"]
    if sys.prefix == sys.base_prefix == "/usr":
        packages.append(f"python{sys.version_info.major}.{sys.version_info.minor}-dev")
    run(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages], quiet=True)


if __name__ == "__main__":
    main()
