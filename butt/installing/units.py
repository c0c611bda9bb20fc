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

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 # nosec B104 - it is compared, nothing listens there
"""Addresses that stand for all of a machine, and one of them to connect to."""

ADDRESS = re.compile(r"^ListenStream=(.+):(\d+)$", re.MULTILINE)


def listens_on(plan: Plan, unit: str) -> str:
    """Where systemd listens with this unit of `LISTENS`, as `HOST:PORT`: as the settings say, otherwise as it is shipped."""
    bind, port = (plan.settings.get(name) for name in LISTENS[unit])
    found = ADDRESS.search((resources.DEPLOY / "systemd" / unit).read_text())
    if found is None:
        raise AssertionError(f"{unit} does not say where it listens")
    host = bind or found[1]
    return f"[{host}]:{port or found[2]}" if ":" in host else f"{host}:{port or found[2]}"


def reached_at(plan: Plan, unit: str) -> str:
    """How a program on this machine reaches what listens with this unit, as `HOST:PORT`."""
    host, _, port = listens_on(plan, unit).rpartition(":")
    return f"{EVERYWHERE.get(host, host)}:{port}"


def shipped(plan: Plan) -> dict[str, str]:
    """Each unit's text, by its path."""
    texts = {}
    for path in sorted((resources.DEPLOY / "systemd").iterdir()):
        text = path.read_text()
        if path.suffix == ".service" and SHIPPED not in text:
            raise AssertionError(f"{path} does not start {SHIPPED}")
        if path.name in LISTENS:
            text = ADDRESS.sub(f"ListenStream={listens_on(plan, path.name)}", text)
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
