"""A Debian somewhere, reached by ssh, that is to run bots."""

from pathlib import Path

from tests.clouds.debian import BASES, MACHINE, SALT_PACKAGES, add_ours, lay_bases, salt_packages
from tests.installing.booted import MACHINE as ADDRESS
from tests.installing.booted import Booted, Elsewhere
from tests.salt.base import PYTHON_BASE, base_archives

IMAGES = {"python:3.11-slim": PYTHON_BASE}
"""What it would pull from Docker's registry."""


class BotMachine(Booted):
    """`with BotMachine(folder, elsewhere) as machine:`"""

    def __init__(self, folder: Path, elsewhere: Elsewhere) -> None:
        archives = base_archives()
        lay_bases(folder / "bases", {name: archives[ours] for name, ours in IMAGES.items()})
        # The layers of images cannot lie on layers.
        (folder / "docker").mkdir()
        options = [
            "--system-call-filter=add_key keyctl bpf",
            f"--bind={folder / 'docker'}:/var/lib/docker",
            f"--bind-ro={salt_packages()}:{SALT_PACKAGES}",
            f"--bind-ro={folder / 'bases'}:{BASES}",
        ]
        super().__init__("machine", ADDRESS, folder, MACHINE, elsewhere, options)
        add_ours(self.path("/"))
        # It was not made by a cloud.
        self.path("/etc/cloud/cloud-init.disabled").touch()

    def has_ssh(self) -> None:
        """For whoever has a key that it lets in."""
        self.runs("apt-get", "update", "-q")
        self.runs("apt-get", "install", "-q", "-y", "--no-install-recommends", "openssh-server")

    def trusts(self, authority: Path) -> None:
        """Certificates that an authority of the network's own has signed."""
        self.writes("/usr/local/share/ca-certificates/own.crt", authority.read_text())
        self.runs("update-ca-certificates")

    def bots(self) -> list[str]:
        """The ids of those whose container runs."""
        names = self.runs("docker", "ps", "--format", "{{.Names}}").split()
        return [name.removeprefix("butt-") for name in names if name.startswith("butt-")]
