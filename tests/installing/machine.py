"""A machine in a folder: its files are real, and one small program stands in for all those that would change a real machine."""

import os
import stat
from pathlib import Path

from butt.installing.plan import Plan, read, settings_of
from butt.installing.settings import SETTINGS
from butt.installing.steps import Step, install, steps, uninstall
from butt.installing.system import System

TOOL = Path(__file__).with_name("tool")
NAMES = (
    *("apt-get", "butt", "createdb", "createuser", "dpkg", "dpkg-query", "psql", "python", "runuser"),
    *("systemctl", "useradd", "userdel"),
)


class Machine:
    """`ready` is the port at which something says that the service is ready."""

    def __init__(self, folder: Path, ready: int) -> None:
        self.root, self.port = folder, ready
        self.tools = folder / "tools"
        (self.tools / "state").mkdir(parents=True)
        for name in NAMES:
            (self.tools / name).write_text(TOOL.read_text())
            (self.tools / name).chmod(0o755)
        self.has("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.has("etc/caddy/Caddyfile", "# The package's.\n:80 {\n\troot * /usr/share/caddy\n}\n")
        path = f"{self.tools}:/usr/bin:/bin"
        self.system = System(folder, path, str(self.tools / "python"))

    def has(self, place: str, text: str) -> None:
        (self.root / place).parent.mkdir(parents=True, exist_ok=True)
        (self.root / place).write_text(text)

    def loses_power(self, after: int) -> None:
        (self.tools / "state" / "left").write_text(f"{after}\n")

    def has_power_to_lose(self) -> bool:
        return (self.tools / "state" / "left").exists()

    def was_started_long_ago(self) -> None:
        for active in (self.tools / "state").glob("active.*"):
            os.utime(active, (1, 1))

    @property
    def steps(self) -> list[Step]:
        kept = read(self.system.read(SETTINGS) or "")
        given = {
            "BUTT_DOMAIN": "example.org",
            "BUTT_EMAIL_URL": "smtp://mail.example.org:25",
            "BUTT_BILLING": "free",
            "BUTT_PRIVATE_PORT": str(self.port),
        }
        plan = Plan(settings_of(kept, {**given, **kept}), str(self.tools / "butt"), "olga@example.org")
        return steps(self.system, plan)

    def installs(self, *, dry_run: bool = False) -> list[str]:
        """How each step stood."""
        told: list[str] = []
        install(self.steps, lambda _, how: told.append(how), dry_run=dry_run)
        return told

    def uninstalls(self) -> dict[str, str]:
        told: dict[str, str] = {}
        uninstall(self.steps, lambda what, how: told.update({what: how}))
        return told

    def was_told(self) -> list[str]:
        """What the programs did, step by step."""
        said = self.tools / "state" / "done"
        return said.read_text().splitlines() if said.exists() else []

    def files(self) -> dict[str, tuple[str, int]]:
        """All files but those of the stand-in, each with its mode."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not path.is_symlink() and self.tools not in path.parents:
                place = str(path.relative_to(self.root))
                # The stand-ins lie in a folder of their own for each machine.
                text = path.read_text().replace(str(self.root), "")
                found[place] = (text, stat.S_IMODE(path.stat().st_mode))
        return found
