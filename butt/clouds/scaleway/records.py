"""Changes DNS records as other clients of Scaleway do: a record of ours is set by its id, a new one is
added.
"""

from collections.abc import Iterable
from typing import Any

from scaleway.domain.v2beta1 import Record, RecordChange, RecordChangeAdd, RecordChangeSet

from butt.clouds import tagging
from butt.clouds.interface import Job

TTL = 300


def record_changes(job: Job, existing: Iterable[Any]) -> list[RecordChange]:
    """The changes that give the job its records. `existing` are those of the zone. Records that are already
    right stay.

    Types are spelt as the API spells them; the SDK's own constants are in lower case.
    """
    comment, ours, known = (
        tagging.comment(job.agent_id),
        dict[tuple[str, str], str](),
        set[tuple[str, str, str]](),
    )
    for record in existing:
        type_ = str(record.type_).upper()
        known.add((record.name, type_, record.data))
        if record.comment == comment:
            ours[record.name, type_] = record.id
    changes = []
    for name, type_, data in job.records:
        if (name, type_, data) in known:
            continue
        record = Record(id="", name=name, type_=type_, data=data, ttl=TTL, priority=0, comment=comment)
        if key := ours.pop((name, type_), ""):
            changes.append(RecordChange(set_=RecordChangeSet(id=key, records=[record])))
        else:
            changes.append(RecordChange(add=RecordChangeAdd(records=[record])))
    return changes
