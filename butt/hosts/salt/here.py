"""Bots that are processes of the control plane itself: from before there were machines, or moved back from
one.

New bots do not get here by themselves. A bot that has a machine does not live here, whatever is left in its
folder.
"""

import uuid
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from butt.agents.models import Agent
from butt.hosts.interface import Folder, Order, Sighting
from butt.hosts.orphans import id_of
from butt.hosts.processes import Processes
from butt.hosts.salt.carried import HERE, carried, old_copies
from butt.hosts.staying import lives_here


class LocalBots:
    """`home` is the service's home folder. supervisord is not started if no bot needs it."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @cached_property
    def processes(self) -> Processes:
        return Processes(self._home)

    def has(self, bot_id: uuid.UUID) -> bool:
        return lives_here(self._home, bot_id)

    def apply(self, order: Order) -> None:
        """Run a bot that lives here. If it was about to be moved away, that move was given up."""
        self.folder(order.bot_id).moved.unlink(missing_ok=True)
        self.processes.apply(order)

    def has_any(self) -> bool:
        """Whether any bot has a folder here."""
        bots = self._home / "bots"
        return bots.is_dir() and any(id_of(path.name) for path in bots.iterdir())

    def has_folder(self, bot_id: uuid.UUID) -> bool:
        return self.folder(bot_id).path.exists()

    def folder(self, bot_id: uuid.UUID) -> Folder:
        return Folder(self._home / "bots" / str(bot_id))

    def sighting(self, bot_id: uuid.UUID) -> Sighting:
        """How a bot that lives here is. Raises `HostTrouble`."""
        seen = self.processes.look([bot_id]).get(bot_id, Sighting())
        if isinstance(seen, Exception):
            raise seen
        bot = Agent.objects.select_related("transfer").get(id=bot_id)
        copies = old_copies(bot_id)
        return replace(
            seen,
            settled=lambda: None,
            place=HERE,
            carried=carried(bot),
            old_copies=copies,
            untried=bool(copies) and not self.folder(bot_id).config.exists(),
        )
