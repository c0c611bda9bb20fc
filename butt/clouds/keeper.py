"""The keeper's round: one inventory of the cloud for all machines that are due, then one step for each.

A step is saved before its effect. Several keepers may run side by side: a machine is claimed by moving its `due_at`, and the
inventory that decides about it begins after the claim.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from butt.agents.models import Agent, Belongs, Wanted
from butt.clouds import access, rentals
from butt.clouds.interface import (
    Cloud,
    CloudEffect,
    CloudTrouble,
    Inventory,
    Job,
    OutOfStock,
    OverQuota,
    ResourceKind,
    ServerOffer,
    Unsure,
)
from butt.clouds.models import Rented, Stock, WantedMachine
from butt.clouds.moves import MachineTransition, decide
from butt.clouds.setbacks import after_trouble
from butt.clouds.situation import MachineSituation, Policy, meet
from butt.configuration import configuration
from butt.leases import claim, come_back, due, seconds_until_due
from butt.machines.models import Placement
from butt.rounds import GoOn, rounds
from butt.waking.listening import listening

log = logging.getLogger("butt.clouds")

SOONEST = 0.02
LEASE = timedelta(minutes=2)
FURTHEST = timedelta(minutes=15)
AFTER_TROUBLE = timedelta(seconds=5)
OFFERS_LAST = timedelta(minutes=5)
ACCESS_LASTS = timedelta(hours=1)
MOST_AT_ONCE = 100
AT_THE_SAME_TIME = 16

Document = Callable[[uuid.UUID, str], bytes]
"""Makes the cloud-init document of this person's machine, which finds its volume at this path."""

REPORT = "This is a bug of the service. Please report it with what the steward's log says."

SETTLING = timedelta(seconds=30)
SETTLE_EVERY, SELDOM = 1.0, 5.0
"""Seconds between two looks at what is wanted: at least, and if nothing was written."""

SETTLE_SHARE = 10
"""Such a look reads all bots: it takes at most one part in this many of the time."""

WANTS = (Agent, Belongs, Wanted, Placement, Rented, WantedMachine)
"""The tables that say which machines are wanted."""

NOT_OF_WANTS = ("due_at", "seen", "tried")
"""Columns that are written all the time, and say nothing of it."""


@dataclass
class KeeperStep:
    at: MachineSituation
    move: MachineTransition
    job: Job | None = None


class Keeper:
    """`document` makes what machines boot with; `forget` is told about machines that have nothing left in the cloud.

    `settling` is how long a call that got no answer may still take effect.
    """

    def __init__(
        self,
        cloud: Cloud,
        document: Document,
        settling: timedelta = SETTLING,
        forget: Callable[[uuid.UUID], None] = lambda _: None,
    ) -> None:
        self._cloud, self._document, self._settling, self._forget = cloud, document, settling, forget
        self._ask_again = self._look_again = 0.0

    def run(self, go_on: GoOn = lambda: True, settle: Callable[[], None] = lambda: None) -> None:
        """Run rounds for as long as `go_on()` is true; `settle` updates what is wanted, when that may have changed.

        Database errors are waited out.
        """
        settled, took, is_rung = -SELDOM, 0.0, True

        def work() -> float:
            nonlocal settled, took, is_rung
            is_rung = changed.wait(0) or is_rung
            began = time.monotonic()
            if began - settled >= (max(SETTLE_EVERY, SETTLE_SHARE * took) if is_rung else SELDOM):
                is_rung = False
                settle()
                settled = time.monotonic()
                took = settled - began
                self._know_offers()
                self._know_access()
            return 0.0 if self.round() else seconds_until_due(Rented, "due_at", SOONEST, SETTLE_EVERY)

        with listening(Rented) as written, listening(*WANTS, ignoring=NOT_OF_WANTS) as changed:
            rounds(work, go_on, log, AFTER_TROUBLE.total_seconds(), written.wait)

    def round(self) -> bool:
        """One step for each machine that is due; whether there was any."""
        if not self._cloud.makes_machines:
            return False
        now = timezone.now()
        ready = Rented.objects.filter(due("due_at", now, FURTHEST)).order_by("due_at")[:MOST_AT_ONCE]
        mine = [rented for rented in ready if claim(rented, "due_at", now + LEASE)]
        if not mine:
            return False
        wanted = WantedMachine.objects.in_bulk([rented.agent_id for rented in mine])
        try:
            offers = self._offers()
            inventory = self._cloud.inventory(self._zones(mine, wanted))
        except Exception as error:  # noqa: BLE001 - it is logged, and told
            for rented in mine:
                self._wait_out(rented, _in_words(error))
            return True
        tried = [self._try(rented, wanted, inventory, offers) for rented in mine]
        steps = [step for step in tried if step]
        with ThreadPoolExecutor(AT_THE_SAME_TIME) as pool:
            for step, ended in zip(steps, pool.map(self._carry_out, steps), strict=True):
                try:
                    self._finish(step, ended)
                except DatabaseError:
                    log.exception("machine of %s: cannot save its new state", step.at.rented.agent_id)
        return True

    def _zones(self, mine: Iterable[Rented], wanted: dict[uuid.UUID, WantedMachine]) -> list[str]:
        """The zones where their resources may be: all zones if one of them is leaving."""
        found: set[str] = set()
        for rented in mine:
            found |= {rented.zone, *(place.partition("/")[0] for place in rented.tried)} - {""}
            if (row := wanted.get(rented.agent_id)) and not row.present:
                found |= set(self._cloud.zones)
        return sorted(found)

    def _know_offers(self) -> None:
        """Also while there is no machine yet: even the first bot is accepted only if there is room for it."""
        try:
            self._offers()
        except CloudTrouble as trouble:
            log.warning("the cloud did not list its offers: %s", trouble)

    def _know_access(self) -> None:
        """Ask from time to time. A key that was just replaced is checked at the start."""
        if time.monotonic() >= self._look_again:
            known = access.look(self._cloud)
            self._look_again = time.monotonic() + (ACCESS_LASTS if known else OFFERS_LAST).total_seconds()
        access.tell_operators(timezone.now())

    def _offers(self) -> tuple[ServerOffer, ...]:
        """From rows, which are refreshed from time to time."""
        rows = list(Stock.objects.all())
        now = timezone.now()
        if not rows or not now - OFFERS_LAST <= min(row.at for row in rows) <= now:
            if rows and time.monotonic() < self._ask_again:
                return tuple(row.offer for row in rows)
            try:
                offers = self._cloud.offers()
            except CloudTrouble as trouble:
                self._ask_again = time.monotonic() + OFFERS_LAST.total_seconds() / 10
                if not rows:
                    raise
                log.warning("the cloud did not list its offers; the earlier ones are used: %s", trouble)
                return tuple(row.offer for row in rows)
            rows = [Stock.of(offer, now) for offer in offers]
            with transaction.atomic():
                Stock.objects.all().delete()
                Stock.objects.bulk_create(rows, ignore_conflicts=True)
        return tuple(row.offer for row in rows)

    def _try(
        self,
        rented: Rented,
        wanted: dict[uuid.UUID, WantedMachine],
        inventory: Inventory,
        offers: tuple[ServerOffer, ...],
    ) -> KeeperStep | None:
        """An error with one machine does not affect the others."""
        try:
            if rented.agent_id in wanted:
                return self._step(rented, wanted[rented.agent_id], inventory, offers)
            self._wait_out(rented, CloudTrouble("No row says whether this machine is wanted.", REPORT))
        except Exception as error:  # noqa: BLE001 - it is logged, and told
            self._wait_out(rented, _in_words(error))
        return None

    def _step(
        self, rented: Rented, wanted: WantedMachine, inventory: Inventory, offers: tuple[ServerOffer, ...]
    ) -> KeeperStep:
        at = MachineSituation(
            wanted, rented, inventory.of(rented.agent_id), offers, timezone.now(), self._policy(wanted.bots)
        )
        seen = meet(at)
        for name, value in seen.items():
            setattr(rented, name, value)
        move = decide(at)
        _persist(rented, move, [*seen])
        return KeeperStep(at, move, self._job(at, move))

    def _policy(self, bots: int) -> Policy:
        needs = rentals.needs_of(bots)
        return Policy(
            self._cloud.zones,
            needs.memory,
            needs.disk,
            self._cloud.domain,
            timedelta(hours=configuration().snapshot_hours),
            needs.snapshots,
            self._settling,
            needs.ipv4,
        )

    def _job(self, at: MachineSituation, move: MachineTransition) -> Job | None:
        if move.effect in (CloudEffect.NOTHING, CloudEffect.FORGET):
            return None
        addresses = [at.address(kind) for kind in (ResourceKind.ADDRESS4, ResourceKind.ADDRESS6)]
        volume = at.volume.id if at.volume else ""
        return Job(
            move.effect,
            at.rented.agent_id,
            zone=move.target.zone if move.target else at.rented.zone,
            type=at.rented.type,
            size=at.policy.disk,
            target=move.target,
            server=at.server.id if at.server else "",
            volume=volume,
            group=at.group.id if at.group else "",
            addresses=tuple(address.id for address in addresses if address),
            snapshot=at.wanted.snapshot if at.rented.held else "",
            records=move.records,
            cloud_init=self._boots_with(at.rented.agent_id, volume)
            if move.effect is CloudEffect.BOOT
            else b"",
        )

    def _boots_with(self, agent_id: uuid.UUID, volume: str) -> bytes:
        return self._document(agent_id, self._cloud.device(volume))

    def _carry_out(self, step: KeeperStep) -> CloudTrouble | None:
        """Runs in a thread of its own: no rows here."""
        if step.job is None:
            return None
        try:
            self._cloud.carry_out(step.job)
        except Exception as error:  # noqa: BLE001 - it is logged, and told
            trouble = _in_words(error)
            return trouble if trouble is error else Unsure(str(trouble), trouble.mend)
        return None

    def _finish(self, step: KeeperStep, trouble: CloudTrouble | None) -> None:
        rented, move = step.at.rented, step.move
        if move.effect is CloudEffect.FORGET:
            with transaction.atomic():
                if WantedMachine.objects.filter(agent_id=rented.agent_id, present=False).delete()[0]:
                    self._forget(rented.agent_id)
                    Rented.objects.filter(agent_id=rented.agent_id).delete()
            log.info("nothing is left of the machine of %s", rented.agent_id)
            return
        if trouble:
            log.warning(
                "machine of %s: could not %s: %s %s",
                rented.agent_id,
                move.effect.value,
                trouble,
                trouble.mend,
            )
            if isinstance(trouble, OutOfStock) or (
                isinstance(trouble, OverQuota) and move.effect is CloudEffect.MAKE_SERVER
            ):
                # Applies to all other machines too, until the offers are asked for again.
                Stock.objects.filter(zone=rented.zone, type=rented.type).update(in_stock=False)
            move = after_trouble(step.at, move, trouble, timezone.now())
            _persist(rented, move, [], trouble.mend)
        elif move.after:
            for name, value in move.after.items():
                setattr(rented, name, value)
            rented.save(update_fields=[*move.after])
        come_back(rented, "due_at", timezone.now() + move.wait)

    def _wait_out(self, rented: Rented, trouble: CloudTrouble) -> None:
        """Nothing can be done for this machine now: it stays where it is, and the reason is shown."""
        log.warning("machine of %s is skipped in this round: %s", rented.agent_id, trouble)
        Rented.objects.filter(agent_id=rented.agent_id).exclude(state=Rented.State.READY).update(
            reason=str(trouble), mend=trouble.mend
        )
        come_back(rented, "due_at", timezone.now() + AFTER_TROUBLE)


def _in_words(error: Exception) -> CloudTrouble:
    """A `CloudTrouble` as it is; an unexpected error goes to the log."""
    if isinstance(error, CloudTrouble):
        return error
    log.error("unexpected error", exc_info=error)
    return CloudTrouble("Something unexpected went wrong. We will try again.", REPORT)


def _persist(rented: Rented, move: MachineTransition, seen: list[str], mend: str = "") -> None:
    """`mend` says what an operator can do about the reason. It is kept as long as the reason is."""
    before = rented.state, rented.reason
    mend = mend or (rented.mend if move.reason == rented.reason else "")
    fields = [*seen, *move.changes]
    for name, value in move.changes.items():
        setattr(rented, name, value)
    if (move.state, move.reason) != before:
        if move.state != before[0]:
            rented.since = timezone.now()
        rented.state, rented.reason = move.state, move.reason
        fields += ["state", "reason", "since"]
        log.info("machine of %s is #%s %s", rented.agent_id, move.state, move.reason)
    if mend != rented.mend:
        rented.mend = mend
        fields.append("mend")
    if fields:
        rented.save(update_fields=set(fields))
