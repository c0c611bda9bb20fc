"""What is on the bill and belongs to nobody: the account compared with the rows."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from butt.clouds.interface import LEAVING_ORDER, Cloud, CloudEffect, CloudTrouble, Job, ResourceKind, Thing
from butt.clouds.models import Rented, WantedMachine

NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True)
class OrphanedResource:
    """`why` in words; `monthly` in euro."""

    thing: Thing
    why: str

    @property
    def monthly(self) -> Decimal:
        return self.thing.monthly

    def __str__(self) -> str:
        name = self.thing.name or self.thing.address or self.thing.id
        return f"{self.thing.kind} {name} ({self.thing.zone}), {self.monthly:.2f} € a month: {self.why}"


def orphans(cloud: Cloud) -> list[OrphanedResource]:
    """Everything that carries our mark and belongs to nobody known here.

    The rows are read after the account: whatever a keeper makes in between belongs to a row that existed before it.
    """
    rented = set(Rented.objects.exclude(zone="").values_list("zone", flat=True))
    things = cloud.inventory(sorted({*cloud.zones, *rented})).things
    known = set(WantedMachine.objects.values_list("agent_id", flat=True))
    found = [
        OrphanedResource(t, "it is tagged as ours but names no agent")
        for t in things
        if t.agent_id is None and t.marked and t.kind is not ResourceKind.RECORD
    ]
    found += [
        OrphanedResource(
            t, "it has no tag: it may be the root volume of a server that was removed before it was tagged"
        )
        for t in things
        if t.kind is ResourceKind.ROOT and not t.marked and not t.on and t.agent_id is None
    ]
    found += [
        OrphanedResource(t, f"agent {t.agent_id} has no machine")
        for t in things
        if t.agent_id and t.agent_id not in known
    ]
    return sorted(found, key=lambda orphan: LEAVING_ORDER.index(orphan.thing.kind))


def remove(cloud: Cloud, found: Iterable[OrphanedResource]) -> Iterator[tuple[OrphanedResource, str]]:
    """Remove them, those that hold others first; yields each with what went wrong, or an empty string.

    The cloud refuses to remove a volume that a server still holds; it goes at the next sweep.
    """
    for orphan in found:
        thing = orphan.thing
        if thing.agent_id is None and thing.kind in {
            ResourceKind.VOLUME,
            ResourceKind.SNAPSHOT,
            ResourceKind.ROOT,
        }:
            yield orphan, "It may hold somebody's data. Remove it by hand."
            continue
        try:
            cloud.carry_out(Job(CloudEffect.REMOVE, thing.agent_id or NOBODY, zone=thing.zone, target=thing))
        except CloudTrouble as trouble:
            yield orphan, str(trouble)
        else:
            yield orphan, ""
