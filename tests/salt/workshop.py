"""Where the code of bots on machines is changed."""

import subprocess
from pathlib import Path

from tests.whole.test_upgrade import Workshop


class SolidWorkshop(Workshop):
    """Its releases hold their packages themselves, as machines get nothing that lies elsewhere."""

    def _bring_packages(self, copy: Path) -> None:
        subprocess.run(["cp", "-al", self._built / "node_modules", copy / "node_modules"], check=True)
