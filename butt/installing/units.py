"""The systemd units as shipped, with the path of the program filled in."""

import re
from dataclasses import dataclass

from butt import resources
from butt.installing.plan import Plan
from butt.installing.system import System

FOLDER = "/etc/systemd/system"
SHIPPED = "/srv/butt/.venv/bin/butt"
"""The path of the program in the shipped units."""

GUIDE = re.compile(r"^Documentation=.*\n", re.MULTILINE)
"""This refers to a file that only a checkout has."""


LISTENS = {
    "butt@public.socket": ("BUTT_BIND", "BUTT_PORT"),
    "butt@private.socket": ("BUTT_PRIVATE_BIND", "BUTT_PRIVATE_PORT"),
}
"""By the name of a unit with which systemd listens: the settings that say where."""

ADDRESS = re.compile(r"^ListenStream=(.+):(\d+)$", re.MULTILINE)


def _listening(text: str, plan: Plan, bind: str, port: str) -> str:
    def told(found: re.Match[str]) -> str:
        host = plan.settings.get(bind) or found[1]
        host = f"[{host}]" if ":" in host else host
        return f"ListenStream={host}:{plan.settings.get(port) or found[2]}"

    text, count = ADDRESS.subn(told, text)
    if count != 1:
        raise AssertionError(f"it does not say where {port} is")
    return text


def shipped(plan: Plan) -> dict[str, str]:
    """Each unit's text, by its path."""
    texts = {}
    for path in sorted((resources.DEPLOY / "systemd").iterdir()):
        text = path.read_text()
        if path.suffix == ".service" and SHIPPED not in text:
            raise AssertionError(f"{path} does not start {SHIPPED}")
        if path.name in LISTENS:
            text = _listening(text, plan, *LISTENS[path.name])
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
