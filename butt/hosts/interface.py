"""What the steward asks of a host: make it so, and say how it is."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class HostTrouble(Exception):
    """The host itself cannot do its work now; its text says why. Nothing is known of the bots."""


class Away(HostTrouble):
    """Its machine is not there now. Nothing can be said of the bot, and none of its time to start runs."""


class NoRoom(HostTrouble):
    """The host can take no further bot."""


@dataclass(frozen=True)
class Order:
    """How one bot is wanted. To give the same order twice does nothing the second time.

    `on_trial` says that the code is new and there is a way back: the host sees to it that the earlier code would find
    room to start again, whatever the new one does to its disk.
    `catch_up` says that it came from elsewhere: its pub fetches its own messages before it may publish.
    `revoked` are the ids of invites that its pub takes back before it lets anybody in.
    `network` is the key of its network in base64, empty for the main one; `hops` is how far in the follow graph it keeps
    messages, None for the usual number.
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


@dataclass(frozen=True)
class Carried:
    """How far the data of a bot has come for its move of this number.

    `sequence` is how far its own feed goes in what has come, once all of it was checked; None until then. `words` say how it
    goes on, `failed` why nothing will come of it.
    """

    move: int
    sequence: int | None = None
    words: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Sighting:
    """How one bot is. `running` says there is a process, or that the host will start it by itself; not that it answers.

    `ended` says in words why it ended by itself and was given up, or is empty; `exit_code` is that of
    `packages/scuttlekit/PUB.md`. `ssb_id` is None until the bot has made its key. `latest` is the newest message of its own feed in the
    log of a bot that does not run, as `scuttlekit.canonical` parses it; None where the host has none, or the code was on trial.
    It is verified by whoever reads it.
    `place` is where it runs, or would, on a host of several places; `old_copies` are the places with a copy of its data that
    it was moved away from. `untried` says that it was moved to this place and has never run there.
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


class Host(Protocol):
    """Bots on a machine. Each method may raise `HostTrouble`, is bounded in time, and can be repeated."""

    def free_port(self, taken: frozenset[int]) -> int:
        """A port that nobody listens on and that is not in `taken`. Raises `NoRoom`."""

    def apply(self, order: Order) -> None:
        """Begin to make it so. A bot is never started while an earlier launch of it runs."""

    def adopt(self, bot_id: uuid.UUID, data: Path) -> None:
        """Take over the data folder of a bot that has never been started here; `data` is gone afterwards."""

    def look(self) -> Mapping[uuid.UUID, Sighting]:
        """Every bot there is a trace of on this host. To look one up may raise `HostTrouble`, as that bot's alone."""

    def log(self, bot_id: uuid.UUID, size: int) -> str:
        """The last `size` bytes of the bot's own log."""

    def destroy(self, bot_id: uuid.UUID) -> None:
        """Remove the bot with all its data, for ever. Only for a bot that has stopped."""

    def stop_all(self) -> None:
        """Stop every bot in order and return when they have ended."""


@runtime_checkable
class Mover(Protocol):
    """A host of several places. The steward asks these of a bot that was seen not to run, and of no other."""

    def carry(self, bot_id: uuid.UUID, to: str, move: int) -> None:
        """Begin to have its data brought and checked; how far that is, its sighting says as `carried`.

        `move` numbers the moves of the bot: what was carried for an earlier one is not taken for this.
        """

    def settle(self, bot_id: uuid.UUID) -> None:
        """Have it run, from the next order on, at the place that its data was carried to. The copy it leaves stays there."""

    def go_back(self, bot_id: uuid.UUID, to: str) -> None:
        """Have it run again at the place where it left a copy. Only for one that never ran where it was moved to."""

    def abandon(self, bot_id: uuid.UUID) -> None:
        """Forget what was carried: it stays where it is."""

    def forget_copies(self, bot_id: uuid.UUID) -> None:
        """Remove the copies that it left. Only for one that answers where it is now, and says as much as it had said."""


@runtime_checkable
class BackgroundWork(Protocol):
    """A host that has work of its own, beside what the steward asks of it."""

    def work(self, go_on: Callable[[], bool]) -> None:
        """Without end, as long as `go_on()`."""


@dataclass(frozen=True)
class Folder:
    """Where a bot on this machine keeps its things."""

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
        """There for a bot that was moved to a machine: what is left of it here never runs."""
        return self.path / "moved"
