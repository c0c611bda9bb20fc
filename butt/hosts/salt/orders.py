"""Orders as rows, and what is known about how they were carried out."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from butt.agents.bots import ownerships
from butt.clouds import rentals
from butt.clouds.models import Rented
from butt.configuration import configuration
from butt.hosts import exits
from butt.hosts.disk_quota import DiskStop
from butt.hosts.disk_watch import why_stopped
from butt.hosts.interface import Away, HostTrouble, NoRoom, Order, Settled, Sighting
from butt.hosts.publog import last_words
from butt.hosts.salt.carried import carried, old_copies
from butt.hosts.salt.offers import is_offered
from butt.machines import import_transfers, room
from butt.machines.models import Machine, OldCopy, Placement, Tombstone, Unconfirmed
from butt.machines.reports import SeenBot
from butt.machines.status import SILENT
from butt.machines.unconfirmed import why_unconfirmed
from butt.reasons import Reason
from scuttlekit import InvalidFormat, canonical

OWN_COLUMNS = frozenset({"bot_id", "run", "launch"})
MANY_RESTARTS = 5


def write(order: Order) -> Machine | None:
    """Write the order to the rows. Returns the machine if that changed anything.

    Within one launch, only three things can change: whether the bot runs, how much disk it may use, and that its
    trial is over. Everything else takes effect with the next launch.
    """
    row = Placement.objects.filter(bot_id=order.bot_id).first()
    if row is None and not order.run:
        return None
    if row is not None and _says_it_all(row, order):
        return None
    machine_id = row.machine_id if row else _place_for(order.bot_id)
    with transaction.atomic():
        machine = raised(machine_id)
        row = Placement.objects.filter(bot_id=order.bot_id).first()
        row = row or Placement(bot_id=order.bot_id, machine=machine, run=False, launch=0)
        if order.run:
            goes_on = row.run and row.launch == order.launch
            row.order = _going_on(order, row.order) if goes_on else _full(order, row.order)
        row.generation, row.run, row.launch = machine.generation, order.run, order.launch
        row.save()
    return machine


def _says_it_all(row: Placement, order: Order) -> bool:
    if (row.run, row.launch) != (order.run, order.launch):
        return False
    return not order.run or _going_on(order, row.order) == row.order


def _full(order: Order, before: Mapping[str, Any]) -> dict[str, Any]:
    """The order as its machine reads it, with the other things that the machine must know."""
    plain = {name: value for name, value in asdict(order).items() if name not in OWN_COLUMNS}
    # If there is a way back, the machine keeps the release that it leads to.
    is_other = before.get("release", order.release) != order.release
    previous = (before["release"] if is_other else before.get("previous", "")) if order.on_trial else ""
    settings = configuration()
    return {
        **plain,
        "previous": previous,
        "image": settings.pub_image,
        "memory": settings.bot_memory << 20,
        "cargo": import_transfers.is_waiting(order.bot_id),
        "anew": import_transfers.mark_of(order.bot_id),
    }


def _going_on(order: Order, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the machine was told of a launch, with what may change of it."""
    # An order without a limit may be older than the field.
    disk = {"disk": order.disk} if order.disk or "disk" in before else {}
    return {**before, **disk, **({} if order.on_trial else {"on_trial": False, "previous": ""})}


def bury(bot_id: uuid.UUID) -> Machine | None:
    """Order a bot to be removed with its data, wherever it has some. Returns a machine that has not done so
    yet, or None.
    """
    row = Placement.objects.filter(bot_id=bot_id).select_related("machine").first()
    with transaction.atomic():
        bury_copies(bot_id)
        if row is not None:
            bury_on(row.machine_id, bot_id)
            row.delete()
    stone = Tombstone.objects.filter(bot_id=bot_id, done_at=None).select_related("machine").first()
    return stone.machine if stone else None


def bury_copies(bot_id: uuid.UUID) -> list[Machine]:
    """Order the copies that the bot left on machines to be removed. Returns those machines."""
    with transaction.atomic():
        copies = OldCopy.objects.filter(bot_id=bot_id).exclude(machine=None).order_by("machine_id")
        machines = [bury_on(machine_id, bot_id) for machine_id in copies.values_list("machine_id", flat=True)]
        OldCopy.objects.filter(bot_id=bot_id).exclude(machine=None).delete()
    return machines


def bury_on(machine_id: uuid.UUID, bot_id: uuid.UUID) -> Machine:
    """Call within the transaction that takes the bot from the machine's orders."""
    machine = raised(machine_id)
    # The bot may have been removed from this machine before, and have returned.
    Tombstone.objects.update_or_create(
        machine=machine, bot_id=bot_id, defaults={"generation": machine.generation, "done_at": None}
    )
    return machine


def raised(machine_id: uuid.UUID) -> Machine:
    """The machine with its generation raised by one, locked until the transaction ends."""
    machine = Machine.objects.select_for_update().get(id=machine_id)
    machine.generation += 1
    machine.save(update_fields=["generation"])
    return machine


def placements_of(bot_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Placement]:
    """Where these bots are, with all that `on_machine` needs: those that have a machine."""
    rows = Placement.objects.filter(bot_id__in=bot_ids).select_related(
        "machine", "bot__transfer", "bot__unconfirmed"
    )
    left = Exists(OldCopy.objects.filter(bot_id=OuterRef("bot_id")))
    return {row.bot_id: row for row in rows.annotate(left=left)}


def on_machine(bot_id: uuid.UUID, row: Any) -> Sighting | None:
    """What was seen of a bot on its machine; None if it has no machine. `row` is what `placements_of` found.

    Raises `HostTrouble` if the machine does not carry out its orders or has been silent for long, and `Away`
    if nothing can be said about the bot.
    """
    if row is None:
        if waits := Unconfirmed.objects.filter(bot_id=bot_id).first():
            raise Away(why_unconfirmed(waits, "the control plane"))
        return None
    if hasattr(row.bot, "unconfirmed"):
        raise Away(why_unconfirmed(row.bot.unconfirmed, row.machine.minion_id))
    copies = old_copies(bot_id) if row.left else ()
    untried = bool(copies) and not row.tried
    try:
        seen = sighting(row, timezone.now())
    except Away:
        raise
    except HostTrouble as trouble:
        if not (untried and row.run and row.machine.seen_generation >= row.generation):
            raise
        # The machine was told to run a bot that was moved there, and could not: that bot goes back.
        seen = Sighting(running=True, ended=str(trouble), ssb_id=row.ssb_id)
    return replace(
        seen, place=row.machine.minion_id, carried=carried(row.bot), old_copies=copies, untried=untried
    )


def sighting(row: Placement, now: datetime) -> Sighting:
    """What is known about one bot, from its machine's last report and from what that report can already
    know.
    """
    machine, seen = row.machine, seen_of(row)
    current = seen is not None and seen.launch == row.launch
    caught_up = machine.seen_generation >= row.generation
    if rentals.are_made() and (words := rentals.away(machine.id)):
        raise Away(words)
    if machine.seen_at is not None and machine.seen_at < now - SILENT:
        raise HostTrouble(f"it has been silent since {machine.seen_at:%F %H:%M} UTC.")
    ended = _ended(seen, row) if row.run and current and seen is not None else None
    if ended is not None:
        # The machine reports this as a trouble of its own as well, with less detail.
        return ended
    if machine.trouble and not is_settled(row):
        raise HostTrouble(machine.trouble)
    if row.run and current and seen is not None:
        return Sighting(
            seen.running, ssb_id=row.ssb_id, latest=_latest(seen), settled=partial(_settled, row, seen)
        )
    # Until the machine has come to this order, the bot may still run, or may be about to.
    running = not caught_up or (seen is not None and seen.running)
    return Sighting(running=running, ssb_id=row.ssb_id, latest=_latest(seen))


def _settled(row: Placement, seen: SeenBot) -> Settled | None:
    """What the machine was told of a bot that runs so: `write` finds nothing else to tell, and nothing waits for the bot here."""
    told = row.order
    on_trial = told.get("on_trial") is not False or told.get("previous") != ""
    ready = configuration().pub_image or is_offered(told.get("release", ""))
    if not seen.running or on_trial or not ready or import_transfers.is_waiting(row.bot_id):
        return None
    return Settled(row.launch, told.get("disk", 0))


def is_settled(row: Placement) -> bool:
    """Whether the machine has reported that the bot is as ordered."""
    seen = seen_of(row)
    if row.run:
        return seen is not None and seen.launch == row.launch and seen.running and not _ended(seen, row)
    return row.machine.seen_generation >= row.generation and not (seen and seen.running)


def seen_of(row: Placement) -> SeenBot | None:
    return SeenBot.model_validate(row.seen) if row.seen else None


def _ended(seen: SeenBot, row: Placement) -> Sighting | None:
    """Why the bot does not run and will not by itself, or None. Docker would restart it for ever, so we
    decide.
    """
    if seen.diskStop:
        stop = why_stopped(DiskStop(**seen.diskStop.model_dump()))
        return Sighting(ended=stop, exit_code=exits.DISK_FULL, ssb_id=row.ssb_id, latest=_latest(seen))
    if seen.error:
        taken = "already allocated" in seen.error or "already in use" in seen.error
        why = Reason("port-taken", port=row.order["port"]) if taken else seen.error
        return Sighting(ended=why, exit_code=exits.PORT_TAKEN if taken else seen.exitCode, ssb_id=row.ssb_id)
    if not seen.running or seen.exitCode is None:
        return None
    if seen.exitCode not in exits.FINAL and seen.restarts < MANY_RESTARTS:
        return None
    words = last_words(seen.words, seen.startedAt) if seen.startedAt else None
    why = Reason("memory-too-small" if seen.outOfMemory else "program-ended")
    return Sighting(
        running=True,
        ended=words.message if words else why,
        exit_code=seen.exitCode,
        ssb_id=row.ssb_id,
        latest=_latest(seen),
    )


def _latest(seen: SeenBot | None) -> Any:
    """The newest message that the machine found in the log of a bot that has ended."""
    try:
        return canonical.parse(seen.latest.encode())["value"] if seen and seen.latest else None
    except (InvalidFormat, UnicodeEncodeError, KeyError, TypeError):
        return None


def _place_for(bot_id: uuid.UUID) -> uuid.UUID:
    """The machine with the fewest bots: one of the bot owner's own, else one that is open to everybody.

    If machines are rented, it is the machine of the person who has owned the bot longest.
    """
    persons = ownerships().filter(source_agent_id=bot_id).values("target_agent")[:1]
    if rentals.are_made():
        return _rented_for(persons.get()["target_agent"])
    found = room.open_to(bot_id).exclude(id__in=Rented.objects.values("agent_id")).first()
    if found is None:
        raise NoRoom("there is no machine with room for it")
    return found.id


def _rented_for(person: uuid.UUID) -> uuid.UUID:
    if words := rentals.away(person):
        raise Away(words)
    return person
