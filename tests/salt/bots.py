"""Bots on one machine, as their orders and its engine have them."""

import subprocess
import uuid
from pathlib import Path
from typing import Any

from butt.hosts.salt.results import Returned, troubles
from butt.services.pub_config import pub_config
from butt.sources.releases import PUB_SOURCE, Built, build
from tests.salt.base import BASES
from tests.salt.machine import Engine, Minion
from tests.salt.teller import Teller


def offer_pub(files: Path) -> Path:
    """`files`, with the pub's release in it, as machines may read them."""
    hand_out(build(PUB_SOURCE), files)
    return files


def hand_out(release: Built, files: Path) -> None:
    """Put a release among the files that machines may read."""
    (files / "releases").mkdir(parents=True, exist_ok=True)
    archive = files / "releases" / f"{release.key}.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", release.path, "."], check=True)


def order(port: int, at: str, **fields: Any) -> dict[str, Any]:
    """A bot's entry in the pillar."""
    plain = {
        "run": True,
        "launch": 1,
        "bind": "::",
        "address": at,
        "port": port,
        "release": build(PUB_SOURCE).digest,
        "on_trial": False,
        "previous": "",
        "memory": 400 << 20,
        "cargo": False,
    }
    return {**plain, "image": "", "bases": BASES, "masters": [], "sequence": 0, **fields}


class Bots:
    def __init__(self, minion: Minion, teller: Teller, engine: Engine) -> None:
        self.minion, self.teller, self.engine = minion, teller, engine
        self.wanted: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []

    def add(self, **fields: Any) -> str:
        bot_id = str(uuid.uuid4())
        self.wanted[bot_id] = order(8100 + len(self.wanted), self.engine.place.address, **fields)
        return bot_id

    def delete(self, bot_id: str) -> None:
        del self.wanted[bot_id]
        self.deleted.append(bot_id)

    def tell(self) -> None:
        bots = {bot_id: {**told, "config": pub_config(told)} for bot_id, told in self.wanted.items()}
        self.teller.tells(self.minion.id, bots, tuple(self.deleted))

    def converge(self) -> dict[str, Any]:
        """Give orders, have them carried out, and make sure that it went well; returns what changed, by
        action.
        """
        self.tell()
        found, changes = self.run()
        assert not found, found
        return changes

    def run(self, *options: str) -> tuple[list[str], dict[str, Any]]:
        """One run of the states: its troubles, and what it changed."""
        code, states = self.minion.call("--local", "state.apply", "butt", *options)
        runs = {bot_id: bot["run"] for bot_id, bot in self.wanted.items()}
        found = troubles(
            Returned(True, code, states), self.teller.pillars[self.minion.id]["generation"], runs
        )
        if not isinstance(states, dict):
            return found, {}
        return found, {state["__id__"]: state["changes"] for state in states.values() if state["changes"]}
