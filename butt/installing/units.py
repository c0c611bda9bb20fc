"""The units for systemd, as they are shipped, with the place of the program in them."""

import re
from dataclasses import dataclass

from butt import resources
from butt.installing.plan import Plan
from butt.installing.system import System

FOLDER = "/etc/systemd/system"
SHIPPED = "/srv/butt/.venv/bin/butt"
"""Where the program lies in the shipped units."""

GUIDE = re.compile(r"^Documentation=.*\n", re.MULTILINE)
"""It lies in a checkout alone."""


def shipped(plan: Plan) -> dict[str, str]:
    """By its place each unit's text."""
    texts = {}
    for path in sorted((resources.DEPLOY / "systemd").iterdir()):
        text = path.read_text()
        if path.suffix == ".service" and SHIPPED not in text:
            raise AssertionError(f"{path} does not start {SHIPPED}")
        texts[f"{FOLDER}/{path.name}"] = GUIDE.sub("", text.replace(SHIPPED, plan.program))
    return texts


@dataclass(frozen=True)
class Units:
    system: System
    plan: Plan
    what: str = f"The units are in {FOLDER}"

    def is_done(self) -> bool:
        return all(self.system.has(place, text) for place, text in shipped(self.plan).items())

    def do(self) -> None:
        for place, text in shipped(self.plan).items():
            if not self.system.has(place, text):
                self.system.write(place, text)

    def undo(self) -> str:
        removed = [self.system.remove(place) for place in shipped(self.plan)]
        self.system.run("systemctl", "daemon-reload")
        return "removed" if any(removed) else ""
