"""What the service remembers about one bot: real rows, written by the real steward and the real import."""

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from django.utils import timezone
from obstore.store import LocalStore

from butt.agents import actions
from butt.agents.bots import bots
from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.proof import shown
from butt.agents.states import State
from butt.hosts.adopting import take_over
from butt.hosts.interface import Host, Sighting
from butt.imports import placing
from butt.imports.receiving import Receiving
from butt.steward.steward import Steward
from butt.vault.coming_back import bring_back
from butt.vault.keeper import VaultKeeper as Sender
from butt.vault.writing import VaultWriter
from scuttlekit import KeyPair
from tests.people import bot_in, person


class Keeper:
    """The bot's data is at `data`, where somebody else starts and ends it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.person = person(f"alice-{uuid.uuid4().hex}")
        self.bot = bot_in(State.STOPPED, self.person, _name())
        Progress.objects.filter(bot=self.bot).update(ssb_id=None)

    @property
    def known(self) -> int:
        """The highest sequence that was ever seen of its feed."""
        return Observed.objects.get(bot=self.bot).sequence

    @property
    def catches_up(self) -> bool:
        return Observed.objects.get(bot=self.bot).catching_up

    def sees(self, figures: Mapping[str, Any], latest: Any) -> None:
        """As the monitor does: record what the bot says about its feed, and the newest message that it
        shows.
        """
        Observed.objects.filter(bot=self.bot).update(
            sequence=max(self.known, shown(latest, figures["id"])),
            catching_up=self.catches_up and figures["catchingUp"],
        )

    def is_left_and_restored(self) -> None:
        actions.delete(self.person, self.bot)
        actions.restore(self.person, self.bot)

    def is_gone(self) -> None:
        """Its days of grace are over, and the steward removes it."""
        Wanted.objects.filter(bot=self.bot).update(gone_at=timezone.now())
        Progress.objects.filter(bot=self.bot).update(state=State.LEAVING)
        steward = Steward(cast("Host", self), ())
        steward.step(bots().get(id=self.bot.id), Sighting(ssb_id=KeyPair.load(self.data / "secret").id))
        assert not Agent.objects.filter(id=self.bot.id).exists()

    def destroy(self, bot_id: uuid.UUID) -> None:
        """The only method of this host that is used here."""
        assert bot_id == self.bot.id
        shutil.rmtree(self.data)

    def sends_to(self, vault: Path, keys: Any) -> None:
        """Everything the bot has goes to the vault. A different program sends it each time."""
        ssb_id = KeyPair.load(self.data / "secret").id
        Progress.objects.filter(bot=self.bot).update(ssb_id=ssb_id)
        place = vault.with_name("bots") / str(self.bot.id)
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            place.symlink_to(self.data.parent, target_is_directory=True)
        store = LocalStore(vault, mkdir=True)
        Sender(VaultWriter(store, keys.to_public(), keys.to_public()), place.parent, 1 << 30).send(
            self.bot.id, ssb_id
        )

    def loses_its_disk(self, vault: Path, keys: Any, *, is_old: bool) -> None:
        """It comes back from the vault, which may have lost its newest parts as well."""
        shutil.rmtree(self.data)
        logs = sorted((vault / "bots" / str(self.bot.id)).glob("log/*/*.age"))
        if is_old and logs:
            logs[-1].unlink()
        Wanted.objects.filter(bot=self.bot).update(run=False)
        Progress.objects.filter(bot=self.bot).update(state=State.STOPPED)
        bring_back(bots().get(id=self.bot.id), cast("Host", self), LocalStore(vault), [keys])
        placing.place(self.bot.id, lambda _, data: take_over(data, self.data))

    def look(self, _: object) -> dict[uuid.UUID, Sighting]:
        """It does not run."""
        return {}

    def brings(self, tar: Path) -> None:
        """A tar becomes the bot."""
        with Receiving(self.person, _name(), stopped=True) as receiving:
            receiving.feed(tar.read_bytes())
            self.bot = receiving.bot()
        placing.place(self.bot.id, lambda _, data: take_over(data, self.data))


def _name() -> str:
    return f"bot{uuid.uuid4().hex[:12]}"
