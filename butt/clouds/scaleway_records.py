"""DNS records as Scaleway's API wants them. Setting one replaces all of its name and type: doing it twice changes nothing."""

from scaleway.domain.v2beta1 import Record, RecordChange, RecordChangeSet, RecordIdentifier

from butt.clouds import marks
from butt.clouds.interface import Job

TTL = 300


def record_changes(job: Job) -> list[RecordChange]:
    """The types are spelt as the API spells them; the SDK's own constants are in small letters."""
    comment = marks.comment(job.agent_id)
    return [
        RecordChange(
            set_=RecordChangeSet(
                id_fields=RecordIdentifier(name=name, type_=type_),
                records=[
                    Record(id="", name=name, type_=type_, data=data, ttl=TTL, priority=0, comment=comment)
                ],
            )
        )
        for name, type_, data in job.records
    ]
