"""The table of moves, tried against a world in which anything may happen between two looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from butt.agents.models import Observed, Progress, Wanted
from butt.agents.states import MOVES, State
from butt.hosts.exits import PORT_TAKEN
from butt.hosts.interface import Carried, Sighting
from butt.sources.shelf import ReleaseStatus
from butt.steward.moves import decide
from butt.steward.situation import Effect, Situation
from tests.fuzzing import FUZZ

START_DEADLINE = timedelta(seconds=60)


PLACES = ("a", "b", "c")


class OneBot(RuleBasedStateMachine):
    """A bot, its process, its port and its place; a steward that may be killed between writing and doing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.wanted, self.observed = Wanted(), Observed()
        self.progress = Progress(state=State.NEW, since=self.now)
        self.running: int | None = None  # the launch of the process that runs
        self.starts: set[int] = set()
        self.ended, self.exit_code = "", None
        self.gone = False
        self.offers = {"r1": ReleaseStatus(ready=True)}
        self.code_of: dict[int, str] = {}
        self.proven = {"r1"}
        self.place = ""
        self.copies: dict[str, int] = {}  # how far its feed goes in the data at each place
        self.said = 0  # how far it has ever gone
        self.carried: Carried | None = None
        self.untried = False
        self.closed: set[str] = set()  # places where nothing starts

    # What people ask for

    @rule(run=st.booleans())
    def wants(self, run: bool) -> None:
        self.wanted.run = run

    @rule()
    def wants_a_restart(self) -> None:
        self.wanted.run, self.wanted.restarts = True, self.wanted.restarts + 1

    @rule(
        offer=st.sampled_from(
            [
                ReleaseStatus(ready=True),
                ReleaseStatus(progress="Building."),
                ReleaseStatus(failed="npm said no"),
            ]
        )
    )
    def wants_other_code(self, offer: ReleaseStatus) -> None:
        if self.progress.release and self.wanted.upgrades == self.progress.upgrades:
            self.wanted.release = f"r{len(self.offers) + 1}"
            self.wanted.upgrades += 1
            self.offers[self.wanted.release] = offer

    @rule(ready=st.booleans())
    def a_build_ends(self, ready: bool) -> None:
        if self.wanted.release and self.offers[self.wanted.release].progress:
            self.offers[self.wanted.release] = (
                ReleaseStatus(ready=True) if ready else ReleaseStatus(failed="npm said no")
            )

    @rule()
    def deletes(self) -> None:
        self.wanted.gone_at = self.wanted.gone_at or self.now + timedelta(days=7)

    @precondition(lambda self: self.wanted.gone_at is not None and not self.gone)
    @rule()
    def restores(self) -> None:
        if self.wanted.gone_at > self.now:
            self.wanted.gone_at = None

    @rule()
    def pays(self) -> None:
        self.wanted.paid = True

    @rule()
    def does_not_pay(self) -> None:
        self.wanted.paid = False

    @rule(place=st.sampled_from(PLACES))
    def wants_it_elsewhere(self, place: str) -> None:
        self.wanted.place, self.wanted.moves = place, self.wanted.moves + 1

    # What happens

    @precondition(lambda self: self.running is not None)
    @rule()
    def says_something(self) -> None:
        self.copies[self.place] += 1
        self.said += 1

    @precondition(lambda self: self.carried and self.carried.sequence is None and not self.carried.failed)
    @rule(well=st.booleans())
    def its_data_has_come_or_will_not(self, well: bool) -> None:
        assert self.carried
        sequence = self.copies[self.place] if well else None
        self.carried = replace(self.carried, sequence=sequence, failed="" if well else "It did not come.")

    @rule(place=st.sampled_from(PLACES))
    def nothing_starts_there(self, place: str) -> None:
        self.closed.add(place)

    @rule()
    def all_starts_again(self) -> None:
        self.closed.clear()

    @rule(code=st.sampled_from([1, PORT_TAKEN, 78]))
    def gives_up(self, code: int) -> None:
        if self.running is not None:
            self.running, self.ended, self.exit_code = None, f"ended with {code}", code
            self.observed.alive = False

    @rule()
    def dies_unseen(self) -> None:
        """A reboot, or a supervisor that was killed: nothing is left to say why."""
        self.running = None

    @rule()
    def is_seen_to_answer(self) -> None:
        if self.running is not None:
            self.observed.alive, self.observed.launch = True, self.running
            self.observed.said = self.copies[self.place]
            self.observed.sequence = max(self.observed.sequence, self.said)

    @rule()
    def stops_answering(self) -> None:
        self.observed.alive = False

    @rule(seconds=st.sampled_from([0.1, 5, 120, 86_400]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # What the steward does

    @rule(killed=st.booleans())
    def steward_looks(self, killed: bool) -> None:
        self.look(killed=killed)

    def look(self, *, killed: bool = False) -> None:
        if self.gone:
            return
        seen = Sighting(
            self.running is not None,
            self.ended,
            self.exit_code,
            "@id" if self.starts else None,
            place=self.place,
            carried=self.carried,
            old_copies=tuple(place for place in self.copies if place != self.place),
            untried=self.untried and len(self.copies) > 1,
        )
        self.progress.ssb_id = seen.ssb_id
        if self.place and self.running is None and not self.progress.previous:
            self.observed.sequence = max(self.observed.sequence, self.copies[self.place])
        before = State(self.progress.state)
        offer = self.offers.get(self.wanted.release, ReleaseStatus())
        offer = offer if self.wanted.upgrades > self.progress.upgrades else ReleaseStatus()
        at = Situation(self.wanted, self.progress, self.observed, seen, self.now, START_DEADLINE, offer)
        move = decide(at)
        assert move.state == before or move.state in MOVES[before]
        self.progress.state, self.progress.reason = move.state, move.reason
        for field, value in move.changes.items():
            setattr(self.progress, field, value)
        if move.place:
            self.progress.port, self.progress.release = 8100, self.progress.release or "r1"
        if move.state is State.ALIVE and not self.progress.previous:
            self.proven.add(self.progress.release)
        if not killed:
            self.carry_out(move.effect)

    def carry_out(self, effect: Effect) -> None:
        if effect is Effect.RUN:
            launch = self.progress.launch
            if self.running is None and not (self.ended and launch in self.starts):
                self.place = self.place or "a"
                self.copies.setdefault(self.place, 0)
                assert self.copies[self.place] == self.said, "an old copy was run"
                self.starts.add(launch)
                if self.place in self.closed and self.progress.previous == "":
                    self.ended, self.exit_code = "It cannot start there.", 1
                    return
                self.running, self.ended, self.exit_code = launch, "", None
                self.untried = False
                assert self.code_of.setdefault(launch, self.progress.release) == self.progress.release
                assert self.offers[self.progress.release].ready, "code was run that is not built"
        elif effect is Effect.HALT:
            self.running = None
        elif effect is Effect.DESTROY:
            assert self.running is None, "a running bot was destroyed"
            assert self.wanted.gone_at is not None
            assert self.now >= self.wanted.gone_at, "a bot went before its time"
            self.gone = True
        else:
            self.carry(effect)

    def carry(self, effect: Effect) -> None:
        """What a host does for a move; each of it can be repeated."""
        if effect is Effect.CARRY:
            assert self.running is None
            if self.carried is None or self.carried.move != self.progress.moves:
                self.carried = Carried(self.progress.moves)
        elif effect is Effect.SETTLE:
            assert self.running is None, "it is in two places"
            assert self.carried
            assert self.carried.sequence == self.said
            self.place, self.carried = self.progress.destination, replace(self.carried, move=-1)
            self.copies[self.place], self.untried, self.ended = self.said, True, ""
        elif effect is Effect.GO_BACK:
            assert self.running is None
            assert self.untried
            del self.copies[self.place]
            self.place, self.untried, self.ended = self.progress.origin, False, ""
        elif effect is Effect.ABANDON:
            self.carried = None
        elif effect is Effect.FORGET:
            assert self.running is not None, "a copy went before the other one was seen to be well"
            assert self.copies[self.place] == self.said
            self.copies = {self.place: self.said}

    @invariant()
    def its_newest_data_is_somewhere(self) -> None:
        assert not self.place or self.copies[self.place] == self.said

    @invariant()
    def nothing_runs_under_a_launch_that_was_never_written(self) -> None:
        assert self.running is None or self.running <= self.progress.launch

    @invariant()
    def there_is_a_way_back_to_proven_code(self) -> None:
        if self.progress.release:
            assert {self.progress.release, self.progress.previous} & self.proven

    @invariant()
    def code_that_did_not_do_is_told_of(self) -> None:
        assert not self.progress.refused or self.progress.notice

    @invariant()
    def a_lasting_state_tells_the_truth(self) -> None:
        if self.progress.state == State.BROKEN:
            assert self.progress.reason

    def teardown(self) -> None:
        """Without further trouble, the bot reaches the state that is wanted."""
        self.a_build_ends(ready=True)
        self.closed.clear()
        for _ in range(60):
            self.look()
            if self.carried and self.carried.sequence is None and not self.carried.failed:
                self.its_data_has_come_or_will_not(well=True)
            if self.running is not None:
                self.is_seen_to_answer()
            self.now += timedelta(seconds=30)
        if self.gone:
            return
        if self.wanted.gone_at is not None:
            assert self.progress.state == State.LEAVING
        elif not self.wanted.paid:
            assert self.progress.state == State.UNPAID
        else:
            assert self.progress.state == (State.ALIVE if self.wanted.run else State.STOPPED)
        assert (self.running is not None) == (self.progress.state == State.ALIVE)
        if self.progress.state == State.ALIVE:
            assert not self.progress.leg
            assert set(self.copies) == {self.place}, "what it left is gone"
            assert self.progress.moves == self.wanted.moves
        at_rest = (State.STOPPED, State.UNPAID, State.LEAVING)
        assert not self.progress.previous or self.progress.state in at_rest
        if self.progress.state not in (State.UNPAID, State.LEAVING):
            assert self.progress.upgrades == self.wanted.upgrades


OneBot.TestCase.settings = settings(max_examples=150 * FUZZ, stateful_step_count=40)
TestOneBot = OneBot.TestCase


def situation(state: State, **seen: object) -> Situation:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    progress = Progress(state=state, since=now, launch=1, deadline=now + START_DEADLINE, ssb_id="@id")
    return Situation(Wanted(), progress, Observed(), Sighting(**seen), now, START_DEADLINE)  # type: ignore[arg-type]


def test_a_process_that_runs_but_does_not_answer_is_not_alive():
    assert decide(situation(State.STARTING, running=True)).state is State.STARTING


def test_an_earlier_launch_that_answers_does_not_make_this_one_alive():
    at = situation(State.STARTING, running=True)
    at.observed.alive, at.observed.launch = True, 0
    assert decide(at).state is State.STARTING


def test_a_new_bot_whose_port_is_taken_gets_another():
    at = situation(State.STARTING, ended="The port is taken.", exit_code=PORT_TAKEN)
    move = decide(at)
    assert (move.state, move.place, move.changes["launch"]) == (State.STARTING, True, 2)


def test_a_bot_that_people_know_keeps_its_port_and_says_why_it_is_broken():
    at = situation(State.STARTING, ended="The port is taken.", exit_code=PORT_TAKEN)
    at.observed.launch = 1
    move = decide(at)
    assert (move.state, move.place, move.reason) == (State.BROKEN, False, "The port is taken.")


def test_back_off_grows_and_ends_growing():
    waits = []
    at = situation(State.STARTING, ended="no", exit_code=70)
    for _ in range(12):
        move = decide(at)
        waits.append(move.wait)
        at.progress.tries = move.changes["tries"]  # type: ignore[assignment]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=5)
    assert waits[-1] == timedelta(minutes=10)


@pytest.mark.parametrize("state", [State.STARTING, State.UPGRADING])
def test_a_bot_that_starts_is_hardly_looked_at_as_it_tells_when_it_is_ready(state: State):
    at = situation(state, running=True)
    began, looks = at.now, 0
    while at.now < began + timedelta(seconds=8):
        at, looks = replace(at, now=at.now + decide(at).wait), looks + 1
    assert looks <= 7


def test_what_takes_long_is_looked_at_less_often():
    at = situation(State.STOPPING, running=True)
    began, waits = at.now, []
    while at.now < began + timedelta(seconds=20):
        waits.append(decide(at).wait)
        at = replace(at, now=at.now + waits[-1])
    assert waits == sorted(waits)
    assert waits[0] < timedelta(seconds=0.05)
    assert waits[-1] <= timedelta(seconds=0.5)
    assert len(waits) < 150


def test_a_failed_build_is_still_told_of_when_a_move_begins():
    at = situation(State.ALIVE, running=True, place="a", ssb_id="@id")
    at.observed.alive, at.observed.launch = True, 1
    at.progress.release, at.progress.refused, at.progress.notice = (
        "r1",
        "r2",
        "The new code could not be built.",
    )
    at.wanted.place, at.wanted.moves = "b", 1
    changes = decide(at).changes
    assert changes["leg"] == "carrying"
    assert "notice" not in changes


def test_a_move_that_did_not_succeed_is_told_of_beside_code_that_failed():
    at = situation(State.ALIVE, running=True, place="a", ssb_id="@id")
    at.observed.alive, at.observed.launch = True, 1
    at.progress.refused, at.progress.notice = "r2", "The new code could not be built."
    at.progress.leg, at.progress.destination, at.progress.moves = "carrying", "b", 1
    at.wanted.moves = 1
    at = replace(at, seen=replace(at.seen, running=False, carried=Carried(1, failed="No space left.")))
    changes = decide(at).changes
    assert "No space left." in str(changes["move_notice"])
    assert "notice" not in changes
