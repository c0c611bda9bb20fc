"""The steward's round: look at each bot that is due, decide, persist the move, carry it out.

A move is persisted before its effect, and every effect can be repeated: if the steward is killed at any
point, the next round finds the row and does the same again. Several stewards may run side by side: a steward
claims a bot by moving its `due_at`, and one that finds it already moved leaves the bot alone.
"""

import base64
import logging
import random
import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from butt.agents import journal, limits
from butt.agents.bots import bots
from butt.agents.models import DEFAULT_HOPS, Agent, Observed, Progress
from butt.agents.proof import is_proven, shown
from butt.agents.states import MOVES, State
from butt.agents.words import storable
from butt.configuration import configuration
from butt.hosts import Away, Host, HostTrouble, Mover, Order, Sighting
from butt.imports import placing
from butt.invites.models import FeedState
from butt.invites.withdrawing import revoked_of
from butt.leases import claim, come_back, come_back_together, due, seconds_until_due
from butt.reasons import Reason
from butt.rounds import GoOn, rounds
from butt.services.known import service_named
from butt.sources import shelf
from butt.steward import clock, resting
from butt.steward.moves import LONGEST_BACK_OFF, decide
from butt.steward.resting import MOST_AT_ONCE
from butt.steward.situation import RESTING, Effect, Situation, Transition
from butt.vault import asking
from butt.waking.listening import listening
from butt.waking.telling import unannounced
from scuttlekit import network_key
from scuttlekit.network_keys import MAIN

log = logging.getLogger("butt.steward")

SOONEST, LONGEST = 0.01, 5.0
"""Seconds between looks: `LONGEST` if nothing is due and nobody wakes the steward."""

LEASE = timedelta(seconds=10)
AFTER_TROUBLE = timedelta(seconds=3)
CHOICE, SHARES_FOR = 10, 30.0
"""For so many seconds after another steward was first, one takes its bots at random from so many times as many that are due:
otherwise all of them look at the same ones, and all but one do so for nothing.
"""
FURTHEST = max(LONGEST_BACK_OFF, resting.FURTHEST)
"""No bot is put off for longer than this."""


class NoRelease(Exception):
    """No code is ready to run yet."""


class Steward:
    """`masters` are the SSB ids that have every right over a bot."""

    def __init__(self, host: Host, masters: tuple[str, ...]) -> None:
        self._host, self._masters = host, masters
        self._rests, self._shares_until = resting.Rests(), -SHARES_FOR

    def run(self, go_on: GoOn = lambda: True) -> None:
        """Run rounds as long as `go_on()`. Errors of the database or a host are waited out."""

        def work() -> float:
            return 0.0 if self.round() else seconds_until_due(Progress, "due_at", SOONEST, LONGEST)

        with listening(Progress) as written:
            rounds(work, go_on, log, AFTER_TROUBLE.total_seconds(), written.wait)

    def round(self) -> bool:
        """Look once at each bot that is due. Returns whether there was any."""
        now = timezone.now()
        if not Progress.objects.filter(due("due_at", now, FURTHEST)).exists():
            return False  # The usual case. This query costs a fifth of the one below.
        ready = bots().filter(self._next(now)).order_by("progress__due_at")[:MOST_AT_ONCE]
        if not ready:
            return False
        sightings = self._look(ready)
        rest = [bot for bot in ready if self._is_undisturbed(bot, sightings[bot.id])]
        others = [bot for bot in ready if bot not in rest]
        with unannounced():
            passed = come_back_together([(bot.progress, self._rests.end(now)) for bot in rest], "due_at")
            mine = [bot for bot in others if claim(bot.progress, "due_at", now + LEASE)]
        if passed + len(mine) < len(ready):
            self._shares_until = time.monotonic() + SHARES_FOR
        for bot in mine:
            try:
                if isinstance(seen := sightings[bot.id], Exception):
                    raise seen  # noqa: TRY301 - as if it were looked at only now
                clock.set_right(bot.progress, now)
                self.step(bot, seen)
            except (HostTrouble, NoRelease) as trouble:
                self._wait_out(bot, trouble)
            except (OperationalError, InterfaceError):
                raise  # The database will not serve the next bot either.
            except Exception:
                log.exception("%s could not be seen to", bot.name)
                _put_off(bot.progress, Reason("trouble-of-ours"))
        return bool(passed or mine)

    def _is_undisturbed(self, bot: Agent, seen: Sighting | Exception) -> bool:
        if isinstance(seen, Exception):
            return False
        try:
            return resting.may_pass_by(bot, seen) and resting.goes_on(bot, seen, self._decide(bot, seen))
        except Exception:  # noqa: BLE001 - it is met again where it is this bot's trouble alone
            return False

    def _next(self, now: datetime) -> Q:
        """Which bots to look at: those that are due first, or some of them where other stewards work too."""
        if time.monotonic() > self._shares_until:
            return due("progress__due_at", now, FURTHEST)
        first = Progress.objects.filter(due("due_at", now, FURTHEST)).order_by("due_at")
        ids = list(first.values_list("bot_id", flat=True)[: CHOICE * MOST_AT_ONCE])
        return Q(id__in=random.sample(ids, min(len(ids), MOST_AT_ONCE)))  # nosec B311

    def _look(self, bots: Iterable[Agent]) -> dict[uuid.UUID, Sighting | Exception]:
        """How each bot is, or why that is unknown.

        Comes before the first write of a round: on a full disk, no write succeeds until the host has made
        room.
        """
        ids = [bot.id for bot in bots]
        try:
            sightings = self._host.look(ids)
        except HostTrouble as trouble:
            return dict.fromkeys(ids, trouble)
        return {bot_id: sightings.get(bot_id, Sighting()) for bot_id in ids}

    def step(self, bot: Agent, seen: Sighting) -> None:
        """Decide for one bot, persist the decision and carry it out."""
        self._meet(bot, seen)
        move = self._decide(bot, seen)
        if move.effect is Effect.DESTROY:
            self._destroy(bot)
            return
        before = bot.progress.state
        self._persist(bot, move)
        if move.state != before:
            _note_loss(bot, seen)
        self._carry_out(bot, move)
        # A bot that is on trial or leaving has a deadline of its own.
        rests = move.wait == RESTING and move.state in resting.AT_REST and not bot.progress.previous
        now = timezone.now()
        with unannounced():
            come_back(bot.progress, "due_at", self._rests.end(now) if rests else now + move.wait)

    def _decide(self, bot: Agent, seen: Sighting) -> Transition:
        settings, wanted = configuration(), bot.wanted
        other_code = wanted.upgrades > bot.progress.upgrades
        return decide(
            Situation(
                bot.wanted,
                bot.progress,
                bot.observed,
                seen,
                timezone.now(),
                timedelta(seconds=settings.start_patience),
                shelf.offer(wanted.release) if other_code else shelf.ReleaseStatus(),
                timedelta(seconds=settings.trial_seconds),
            )
        )

    def _meet(self, bot: Agent, seen: Sighting) -> None:
        """Record once the identity that the bot made for itself, which is its own for ever, and how far its
        feed has come.
        """
        if seen.ssb_id and not bot.progress.ssb_id:
            bot.progress.ssb_id = seen.ssb_id
            bot.progress.save(update_fields=["ssb_id"])
        if seen.latest is None or not is_proven(bot.progress):
            return
        if (sequence := shown(seen.latest, bot.progress.ssb_id)) > bot.observed.sequence:
            # The monitor may have missed this message; it too only ever raises the number.
            Observed.objects.filter(bot=bot, sequence__lt=sequence).update(sequence=sequence)
            bot.observed.sequence = sequence

    def _persist(self, bot: Agent, move: Transition) -> None:
        progress, before = bot.progress, State(bot.progress.state)
        if move.state == before and move.reason == progress.reason and not move.changes:
            return
        if move.state != before:
            if move.state not in MOVES[before]:
                raise AssertionError(f"no bot goes from #{before} to #{move.state}")
            progress.since = timezone.now()
        progress.state, progress.reason = move.state, move.reason
        changes = dict(move.changes)
        if "launch" in changes:
            # The domain may have changed since the last launch.
            changes["address"] = configuration().bot_host(bot.name)
        for field, value in changes.items():
            setattr(progress, field, value)
        fields = ["state", "reason", "since", *changes]
        if move.place:
            self._place(bot, before, fields)
            return
        _save(bot, before, fields)

    def _place(self, bot: Agent, before: State, fields: list[str]) -> None:
        """Give the bot its address and code in the same write as its move, as another steward may take the
        port first.
        """
        progress = bot.progress
        if not progress.release:
            newest = shelf.newest(service_named(bot.service).releases)
            if newest is None:
                raise NoRelease("its code is being built")
            progress.release = newest.key
        taken = {port for port in Progress.objects.values_list("port", flat=True) if port}
        while True:
            progress.port = self._host.free_port(frozenset(taken))
            try:
                _save(bot, before, [*fields, "release", "port"])
            except IntegrityError:
                taken.add(progress.port)
            else:
                return

    def _carry_out(self, bot: Agent, move: Transition) -> None:
        if move.effect is Effect.RUN and bot.observed.catching_up:
            placing.place(bot.id, self._host.adopt)
        if move.effect in (Effect.RUN, Effect.HALT):
            self._host.apply(self._order(bot, run=move.effect is Effect.RUN))
        elif isinstance(self._host, Mover):
            self._carry(self._host, bot, move.effect)

    def _carry(self, host: Mover, bot: Agent, effect: Effect) -> None:
        """What a move to another place asks of the host."""
        if effect is Effect.CARRY:
            host.carry(bot.id, bot.progress.destination, bot.progress.moves)
        elif effect is Effect.SETTLE:
            # What its pub knew of invites was left behind, so it is told all of them again.
            FeedState.objects.filter(bot=bot).update(release="")
            host.settle(bot.id)
        elif effect is Effect.GO_BACK:
            host.go_back(bot.id, bot.progress.origin)
        elif effect is Effect.ABANDON:
            host.abandon(bot.id)
        elif effect is Effect.FORGET:
            host.forget_copies(bot.id)

    def _order(self, bot: Agent, *, run: bool) -> Order:
        progress = bot.progress
        return Order(
            bot_id=bot.id,
            run=run,
            launch=progress.launch,
            bind=configuration().bot_bind,
            address=progress.address,
            port=progress.port or 0,
            release=progress.release,
            on_trial=bool(progress.previous),
            masters=self._masters,
            sequence=bot.observed.sequence,
            catch_up=bot.observed.catching_up,
            revoked=revoked_of(bot) if run else (),
            network=_key_beside_main(bot.wanted.network),
            hops=None if bot.wanted.hops == DEFAULT_HOPS else bot.wanted.hops,
            disk=limits.effective(bot.wanted.limits).get("disk", 0),
        )

    def _destroy(self, bot: Agent) -> None:
        """Delete the data first and the row last: if we are killed in between, the row still says that there
        is work.
        """
        self._host.destroy(bot.id)
        with transaction.atomic():
            journal.note(
                bot, "steward", "gone", ssb_id=bot.progress.ssb_id or "", sequence=bot.observed.sequence
            )
            asking.gone(bot)
            bot.delete()
        log.info("%s is gone", bot.name)

    def _wait_out(self, bot: Agent, trouble: Exception) -> None:
        """The machine does not do what it is told: the bot stays as it is, shows the reason, and is tried again."""
        words = storable(str(trouble))
        log.warning("%s: %s", bot.name, words)
        if isinstance(trouble, Away):
            deadline = timezone.now() + timedelta(seconds=configuration().start_seconds)
            Progress.objects.filter(bot=bot, deadline__lt=deadline).update(deadline=deadline)
        _put_off(bot.progress, Reason("waiting-for-machine", why=words))


def _note_loss(bot: Agent, seen: Sighting) -> None:
    """Record whether the data of a bot that changed its state is lost."""
    if bot.progress.state == State.BROKEN and seen.exit_code in (asking.GONE, asking.BEHIND):
        asking.lost(bot, seen.exit_code)
    elif bot.progress.state == State.ALIVE:
        asking.found(bot)


def _key_beside_main(network: str) -> str:
    return "" if network == MAIN else base64.b64encode(network_key(network)).decode()


def _save(bot: Agent, before: State, fields: list[str]) -> None:
    with transaction.atomic():
        bot.progress.save(update_fields=fields)
        if "leg" in fields:
            journal.note(bot, "steward", _leg(bot.progress), to=bot.progress.destination)
        if bot.progress.state != before:
            reason = {"reason": bot.progress.reason} if bot.progress.reason else {}
            journal.note(bot, "steward", f"#{bot.progress.state}", **reason)
    log.info("%s is #%s %s", bot.name, bot.progress.state, bot.progress.reason)


def _leg(progress: Progress) -> str:
    """How far a move has come, for the journal."""
    return f"move {progress.leg}" if progress.leg else "not moved" if progress.move_notice else "moved"


def _put_off(progress: Progress, reason: str) -> None:
    Progress.objects.filter(bot_id=progress.bot_id).update(reason=reason)
    come_back(progress, "due_at", timezone.now() + AFTER_TROUBLE)
