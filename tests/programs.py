"""Programs of this machine that tests run. Nobody who runs other tests needs them."""

import shutil


def program(name: str, package: str = "") -> str:
    """Its path; fails with the command that brings it. `package` is Debian's, if its name is another."""
    found = shutil.which(name)
    assert found, f"{name} is needed: apt-get install {package or name}"
    return found
