"""A place where the code of bots on machines is changed."""

import subprocess
from pathlib import Path

from tests.whole.workshop import Workshop


class SolidWorkshop(Workshop):
    """Its releases contain their packages, because machines get nothing that lies elsewhere."""

    def _bring_packages(self, copy: Path) -> None:
        subprocess.run(
            ["cp", "-al", self._built / self._kind.packages, copy / self._kind.packages], check=True
        )
