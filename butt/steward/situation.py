"""What a decision about a bot depends on, and what it consists of. Pure, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from butt.agents.effective_state import is_up, why_held
from butt.agents.models import Observed, Progress, Wanted
from butt.agents.states import State
from butt.hosts.interface import Sighting
from butt.sources.shelf import ReleaseStatus

SOON = timedelta(seconds=0.03)
WATCHING = timedelta(seconds=0.5)
FIRST_LOOK, LAST_LOOK = timedelta(seconds=0.5), timedelta(seconds=2)
RESTING = timedelta(seconds=30)

NOTHING_ASKED = ReleaseStatus()


class Effect(Enum):
    """What the host is told to do after the move is persisted."""

    NOTHING = "nothing"
    RUN = "run"
    HALT = "halt"
    DESTROY = "destroy"
    CARRY = "carry"
    SETTLE = "settle"
    GO_BACK = "go back"
    ABANDON = "abandon"
    FORGET = "forget"


@dataclass(frozen=True)
class Situation:
    """Everything that a decision may depend on."""

    wanted: Wanted
    progress: Progress
    observed: Observed
    seen: Sighting
    now: datetime
    start_deadline: timedelta
    offer: ReleaseStatus = NOTHING_ASKED
    trial: timedelta = timedelta(seconds=60)

    @property
    def up(self) -> bool:
        return is_up(self.wanted)

    @property
    def wants_run(self) -> bool:
        """It is wanted running, and no operator holds it."""
        return self.wanted.run and not self.held

    @property
    def held(self) -> str:
        """Why operators keep it from running, in words; empty if they do not."""
        return why_held(self.wanted)

    @property
    def restart(self) -> bool:
        return self.wanted.restarts > self.progress.restarts

    @property
    def upgrade(self) -> bool:
        """Other code was asked for and is ready to run. A bot that is being moved finishes its move first."""
        return self.other_code and self.offer.ready and not self.progress.leg

    @property
    def other_code(self) -> bool:
        return self.wanted.upgrades > self.progress.upgrades

    @property
    def move(self) -> bool:
        """Another place was asked for, and the move has not begun."""
        return self.wanted.moves > self.progress.moves

    @property
    def on_trial(self) -> bool:
        """There is earlier code to go back to: what it runs now, or runs next, is not proven."""
        return bool(self.progress.previous)

    @property
    def answers(self) -> bool:
        """Alive by definition: the process runs, and this very launch answers with its own identity."""
        return self.seen.running and self.observed.alive and self.observed.launch == self.progress.launch

    @property
    def overdue(self) -> bool:
        return self.progress.deadline is not None and self.now >= self.progress.deadline


@dataclass(frozen=True)
class Transition:
    """Move to `state`, or stay in it; set the `changes` in `Progress`; then do `effect`; look again after `wait`."""

    state: State
    reason: str = ""
    effect: Effect = Effect.NOTHING
    wait: timedelta = timedelta(0)
    place: bool = False
    changes: Mapping[str, object] = field(default_factory=dict)


def soon(at: Situation) -> timedelta:
    """The longer it takes, the less often we look: a container takes seconds, and each look queries the database."""
    return min(max(SOON, (at.now - at.progress.since) / 5), WATCHING)


def starting(at: Situation) -> timedelta:
    """How long a bot that starts is left alone: until it has taken twice as long.

    The steward is told when it is ready and when it answers. It only looks by itself in case that word is lost, or the bot
    ended: looking again and again at many bots that start together would take the time that they need.
    """
    return min(max(FIRST_LOOK, at.now - at.progress.since), LAST_LOOK)
