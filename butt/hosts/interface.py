"""What the steward asks of a host: run each bot as ordered, and report how it is."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from butt.trouble import Trouble


class HostTrouble(Trouble):
    """The host itself cannot do its work now; the text says why. Nothing is known about its bots."""


class Away(HostTrouble):
    """The bot's machine is away. Nothing can be said about the bot, and its start deadline does not run."""


class NoRoom(HostTrouble):
    """The host cannot take another bot."""


@dataclass(frozen=True)
class Order:
    """How one bot should run. Giving the same order twice does nothing the second time.

    `on_trial` says that the code is new and there is a way back: the host makes sure that the earlier code would have room to
    start again, whatever the new code does to its disk. `catch_up` says that the bot came from elsewhere: its pub fetches its
    own messages before it may publish. `revoked` are the ids of invites that its pub takes back before it lets anybody in.
    `network` is the key of its network in base64, empty for the main one; `hops` is how far in the follow graph it keeps
    messages, None for the default. `disk` is how many bytes of the disk it may use, 0 for no limit.
    """

    bot_id: uuid.UUID
    run: bool
    launch: int
    bind: str
    address: str
    port: int
    release: str
    on_trial: bool
    masters: tuple[str, ...]
    sequence: int
    revoked: tuple[str, ...] = ()
    catch_up: bool = False
    network: str = ""
    hops: int | None = None
    disk: int = 0


@dataclass(frozen=True)
class Carried:
    """How far the bot's data has come for the move with this number.

    `sequence` is how far the bot's own feed goes in the data that arrived, once all of it is checked; None until then. `words`
    describe the progress, `failed` says why the move cannot succeed.
    """

    move: int
    sequence: int | None = None
    words: str = ""
    failed: str = ""


class Settled(NamedTuple):
    """What a bot runs by. To order a bot to run that is to be at the same launch, may use as many bytes of the disk and is not on
    trial changes nothing.
    """

    launch: int
    disk: int


@dataclass(frozen=True)
class Sighting:
    """How one bot is. `running` means that there is a process, or that the host will start one by itself; not that it answers.

    `ended` says in words why the bot ended by itself and was given up, or is empty; `exit_code` is one from
    `packages/scuttlekit/PUB.md`. `ssb_id` is None until the bot has made its key. `latest` is the newest message of its own
    feed in the log of a bot that does not run, as `scuttlekit.canonical` parses it; None where the host has none, or the code
    was on trial. Whoever reads it verifies it. `place` is where the bot runs, or would run, on a host with several places;
    `old_copies` are the places with a copy of its data that it was moved away from. `untried` says that it was moved to this
    place and has never run there. `settled()` may find what the bot runs by, if it runs and all that was ordered is carried out:
    it is looked for only when it is asked for.
    """

    running: bool = False
    ended: str = ""
    exit_code: int | None = None
    ssb_id: str | None = None
    latest: Any = None
    place: str = ""
    carried: Carried | None = None
    old_copies: tuple[str, ...] = ()
    untried: bool = False
    settled: Callable[[], Settled | None] = field(default=lambda: None, compare=False)


class Host(Protocol):
    """Bots on a machine. Each method may raise `HostTrouble`, is bounded in time, and can be repeated."""

    def free_port(self, taken: frozenset[int]) -> int:
        """A port that nobody listens on and that is not in `taken`. Raises `NoRoom`."""

    def apply(self, order: Order) -> None:
        """Begin to carry out the order. A bot is never started while an earlier launch of it runs."""

    def adopt(self, bot_id: uuid.UUID, data: Path) -> None:
        """Take over the data folder of a bot that has never been started here; `data` is gone afterwards."""

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        """How these bots are, or why that cannot be said. A bot that has left no trace on this host is not in the answer."""

    def destroy(self, bot_id: uuid.UUID) -> None:
        """Remove the bot and all its data for good. Only for a bot that has stopped."""

    def stop_all(self) -> None:
        """Stop all bots in an orderly way and return when they have ended."""


@runtime_checkable
class Mover(Protocol):
    """A host with several places. The steward calls these only for a bot that it has seen is not running."""

    def carry(self, bot_id: uuid.UUID, to: str, move: int) -> None:
        """Begin to bring the bot's data and check it; its sighting shows the progress as `carried`.

        `move` numbers the moves of the bot: data carried for an earlier move is not used for this one.
        """

    def settle(self, bot_id: uuid.UUID) -> None:
        """From the next order on, run the bot where its data was carried to. The copy it leaves stays where it is."""

    def go_back(self, bot_id: uuid.UUID, to: str) -> None:
        """Run the bot again at the place where it left a copy. Only for one that never ran at the place it was moved to."""

    def abandon(self, bot_id: uuid.UUID) -> None:
        """Forget what was carried: the bot stays where it is."""

    def forget_copies(self, bot_id: uuid.UUID) -> None:
        """Remove the copies that the bot left. Only for one that answers where it is now, with at least as many messages as
        before.
        """


@runtime_checkable
class BackgroundWork(Protocol):
    """A host that has work of its own besides what the steward asks of it."""

    def work(self, go_on: Callable[[], bool]) -> None:
        """Work for as long as `go_on()` is true."""


@dataclass(frozen=True)
class Folder:
    """Where a bot on this machine keeps its files."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def secret(self) -> Path:
        return self.data / "secret"

    @property
    def log(self) -> Path:
        return self.path / "log" / "pub.log"

    @property
    def moved(self) -> Path:
        """Exists for a bot that was moved to a machine: what is left of it here never runs."""
        return self.path / "moved"
