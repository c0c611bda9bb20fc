"""What a machine reports about itself and its bots. It may send anything, so everything is checked and bounded."""

import uuid
from typing import Annotated, Literal

from django.db import transaction
from django.utils import timezone
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from butt.agents.models import Progress
from butt.agents.wake import wake_steward
from butt.agents.words import storable
from butt.machines.models import Machine, Placement
from butt.machines.pillar import MOST_BOTS
from butt.machines.unconfirmed import confirmed_by

MOST_BYTES = 4 * 1024 * 1024
"""Of one report."""

MOST_STRANGERS, MOST_TROUBLES = 100, 20
LONGEST_MESSAGE = 26 * 1024

_Whole = Annotated[int, Field(ge=0, le=2**53)]
_storable = AfterValidator(storable)
_Words = Annotated[str, StringConstraints(max_length=4096), _storable]
_Trouble = Annotated[str, StringConstraints(max_length=300), _storable]
_Name = Annotated[str, StringConstraints(max_length=200), _storable]
_SsbId = Annotated[str, StringConstraints(pattern=r"^@[A-Za-z0-9+/]{43}=\.ed25519$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SeenDiskStop(_Strict):
    """As `butt.hosts.disk_quota.DiskStop`, in bytes."""

    used: _Whole = 0
    limit: _Whole = 0
    left: _Whole = 0
    most: _Whole = 0
    needed: _Whole = 0


class SeenBot(_Strict):
    """A bot's container. `running` is also true while the machine is about to restart it by itself."""

    launch: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    running: bool
    exitCode: Annotated[int, Field(ge=-1, le=255)] | None = None
    error: _Words = Field("", description="Why the machine could not make it so.")
    diskStop: SeenDiskStop | None = Field(None, description="Why it was stopped for its use of the disk.")
    words: _Words = Field("", description="The end of the bot's log, when it has ended.")
    startedAt: Annotated[AwareDatetime, Field(strict=False)] | None = None
    restarts: _Whole = 0
    outOfMemory: bool = False
    ssbId: _SsbId | None = None
    latest: Annotated[str, StringConstraints(max_length=LONGEST_MESSAGE), _storable] = Field(
        "", description="The newest message of its own feed, as its log has it, when it has ended."
    )


class Facts(_Strict):
    """How the machine is. Sizes in bytes."""

    diskFree: _Whole | None = None
    diskTotal: _Whole | None = None
    memoryFree: _Whole | None = None
    memoryTotal: _Whole | None = None
    load: Annotated[float, Field(ge=0, le=1e6)] | None = None
    docker: Annotated[str, StringConstraints(max_length=100), _storable] = ""
    outOfMemoryKills: _Whole = 0
    restarts: _Whole = 0
    bootedAt: Annotated[AwareDatetime, Field(strict=False)] | None = None


class Report(_Strict):
    """`generation` is that of the pillar it followed, and `done` says whether all of that was carried out.

    `bots` are all our containers that exist. `troubles` say why not everything was carried out.
    """

    version: Literal[1] = Field(alias="schema")
    complete: Literal[True]
    generation: _Whole
    done: bool = True
    troubles: Annotated[list[_Trouble], Field(max_length=MOST_TROUBLES)] = []
    bots: Annotated[dict[uuid.UUID, SeenBot], Field(strict=False, max_length=2 * MOST_BOTS)]
    gone: Annotated[list[Annotated[uuid.UUID, Field(strict=False)]], Field(max_length=MOST_BOTS)] = []
    strangers: Annotated[list[_Name], Field(max_length=MOST_BOTS)] = []
    facts: Facts = Facts()


class Boot(_Strict):
    """How far a machine's boot has come: `what` it is doing now, in words, and what is wrong with that."""

    step: Annotated[int, Field(ge=1, le=99)]
    what: _Name
    trouble: _Name = ""


def take_boot(minion_id: str, body: bytes) -> None:
    """Save it. Raises pydantic's `ValidationError`, or `Machine.DoesNotExist`."""
    said = Boot.model_validate_json(body)
    if not Machine.objects.filter(minion_id=minion_id).update(boot=said.model_dump()):
        raise Machine.DoesNotExist


def read_report(body: bytes) -> Report:
    """Raises pydantic's `ValidationError`."""
    return Report.model_validate_json(body)


@transaction.atomic
def take(minion_id: str, report: Report) -> None:
    """Save what the machine saw. Only bots that are placed on it are believed, and only about orders it was given."""
    machine = Machine.objects.select_for_update().get(minion_id=minion_id)
    before, machine.seen_generation = machine.seen_generation, min(report.generation, machine.generation)
    machine.seen_at = timezone.now()
    machine.facts = report.facts.model_dump(mode="json")
    if report.done and machine.seen_generation == machine.generation:
        machine.trouble = ""
    elif report.troubles:
        machine.trouble = report.troubles[0]
    placements = list(machine.placements.all())
    placed = {row.bot_id for row in placements} | set(machine.old_copies.values_list("bot_id", flat=True))
    strangers = [*report.strangers, *(str(bot_id) for bot_id in report.bots if bot_id not in placed)]
    machine.strangers = strangers[:MOST_STRANGERS]
    machine.save(update_fields=["seen_at", "seen_generation", "facts", "trouble", "strangers"])
    running = {bot_id: seen.ssbId for bot_id, seen in report.bots.items() if seen.running}
    confirmed = confirmed_by(machine, running, report.generation)
    if confirmed:
        placements = list(machine.placements.all())
    changed = [row for row in placements if _see(row, report.bots.get(row.bot_id))]
    Placement.objects.bulk_update(changed, ["seen", "ssb_id", "tried"])
    # Bots that wait for the machine to reach a generation are notified, as well as those that changed.
    waited = {row.bot_id for row in placements if before < row.generation <= machine.seen_generation}
    wake_steward(*{row.bot_id for row in changed} | waited | confirmed | _bury(machine, report))


def _see(row: Placement, seen: SeenBot | None) -> bool:
    before = (row.seen, row.ssb_id)
    row.tried = row.tried or bool(seen and (seen.running or seen.startedAt))
    row.seen = seen.model_dump(mode="json", exclude={"ssbId"}) if seen else {}
    if seen and seen.ssbId and row.ssb_id is None and _is_free(seen.ssbId, row):
        row.ssb_id = seen.ssbId
    return before != (row.seen, row.ssb_id)


def _is_free(ssb_id: str, row: Placement) -> bool:
    """An identity is accepted once: no machine can claim another bot's identity for its own bot."""
    return not (
        Placement.objects.filter(ssb_id=ssb_id).exists()
        or Progress.objects.filter(ssb_id=ssb_id).exclude(bot_id=row.bot_id).exists()
    )


def _bury(machine: Machine, report: Report) -> set[uuid.UUID]:
    """A bot to be removed is gone once the machine has reached that order and reports that nothing is left of it."""
    tombstones = machine.tombstones.filter(done_at=None, generation__lte=machine.seen_generation)
    buried = set(tombstones.values_list("bot_id", flat=True)) & set(report.gone) - report.bots.keys()
    tombstones.filter(bot_id__in=buried).update(done_at=timezone.now())
    return buried
