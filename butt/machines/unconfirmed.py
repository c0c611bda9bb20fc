"""Bots after a restore: none gets an order before it is certain where it runs.

The rows say where each bot was when the backup was made. A bot may have been moved since, and an identity must never run twice.
The machine that the rows name confirms a bot by reporting that it runs there now: it ran in one place before the restore, and
nothing has moved since. For every other bot an operator has to say where it is.
"""

import time
import uuid
from pathlib import Path

from butt.agents.bots import bots
from butt.agents.models import Agent, Leg, Progress
from butt.configuration import configuration
from butt.machines.models import LOCAL, Machine, Placement, Tombstone, Transfer, Unconfirmed


def hold_all(home: Path, using: str) -> int:
    """Hold each bot that may be elsewhere than the rows say; how many. Within the transaction of a restore."""
    # Later than any generation before the restore, so a report that was under way then counts for nothing.
    generation = time.time_ns() // 1000
    Machine.objects.using(using).exclude(minion_id__startswith=LOCAL).update(
        generation=generation, seen_generation=0
    )
    placed = Placement.objects.using(using).exclude(machine__minion_id__startswith=LOCAL)
    held = set(placed.values_list("bot_id", flat=True))
    unplaced = bots().using(using).filter(placement=None).exclude(progress__ssb_id=None)
    held |= {bot_id for bot_id in unplaced.values_list("id", flat=True) if _may_have_left(home, bot_id)}
    placed.update(seen={})
    Unconfirmed.objects.using(using).bulk_create(
        [Unconfirmed(bot_id=bot_id, generation=generation) for bot_id in held], batch_size=1000
    )
    # What was being carried or removed may be where the bot is by now.
    waiting = Unconfirmed.objects.using(using).values("bot")
    Transfer.objects.using(using).filter(bot__in=waiting).delete()
    Tombstone.objects.using(using).filter(done_at=None, bot_id__in=bots().using(using).values("id")).delete()
    carried = Progress.objects.using(using).filter(bot__in=waiting, leg=Leg.CARRYING)
    carried.update(leg="", deadline=None)
    return len(held)


def why_unconfirmed(row: Unconfirmed, place: str) -> str:
    """Why the bot waits, and what to do, in words."""
    if row.elsewhere:
        where = f"it was on {place} when that was made, and {row.elsewhere} says that it runs there."
    else:
        where = f"it was on {place} when that was made, which has not said since that it runs there."
    return (
        f"The service was restored from a backup: {where} Operators have to say where it lives, with "
        "`confirm-place`."
    )


def confirmed_by(machine: Machine, running: dict[uuid.UUID, str | None], generation: int) -> set[uuid.UUID]:
    """The bots that this report confirms: they get orders again. Within the transaction of the report.

    `running` are the bots that run on the machine, with their SSB ids; `generation` is the report's.
    """
    confirmed = set()
    waiting = Unconfirmed.objects.filter(bot__in=running).select_related("bot__progress", "bot__placement")
    for row in waiting:
        placement: Placement | None = getattr(row.bot, "placement", None)
        if placement is None or placement.machine_id != machine.id:
            Unconfirmed.objects.filter(bot=row.bot).update(elsewhere=machine.minion_id)
        elif generation >= row.generation and running[row.bot_id] in {None, row.bot.progress.ssb_id}:
            confirmed.add(row.bot_id)
    if confirmed:
        _let_go(machine, confirmed)
    return confirmed


def _let_go(machine: Machine, confirmed: set[uuid.UUID]) -> None:
    machine.generation += 1
    machine.save(update_fields=["generation"])
    Placement.objects.filter(bot__in=confirmed).update(generation=machine.generation)
    Unconfirmed.objects.filter(bot__in=confirmed).delete()


def confirm_at(bot: Agent, machine: Machine | None) -> None:
    """The bot is on this machine, or with None a process of the control plane. Within a transaction."""
    Transfer.objects.filter(bot=bot).delete()
    Progress.objects.filter(bot=bot).update(leg="", moves=bot.wanted.moves)
    placement = Placement.objects.filter(bot=bot).first()
    if placement is not None and (machine is None or placement.machine_id != machine.id):
        placement.delete()
        placement = None
    bot.old_copies.filter(machine=machine).delete()
    if machine is not None:
        machine = Machine.objects.select_for_update().get(id=machine.id)
        if placement is None:
            # No order yet: the next one will be the one to run.
            Placement.objects.create(
                bot=bot,
                machine=machine,
                generation=0,
                run=False,
                launch=bot.progress.launch,
                ssb_id=bot.progress.ssb_id,
                tried=True,
            )
        _let_go(machine, {bot.id})
    Unconfirmed.objects.filter(bot=bot).delete()


def _may_have_left(home: Path, bot_id: uuid.UUID) -> bool:
    """Whether a bot that had no machine may have been moved to one since."""
    if (home / "bots" / str(bot_id) / "moved").exists():
        return True
    settings = configuration()
    has_data = (home / "bots" / str(bot_id) / "data" / "secret").exists()
    return settings.host == "salt" and settings.salt == "master" and not has_data
