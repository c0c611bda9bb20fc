"""One row for each process of a part, written only by that process."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Beat(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    part = models.CharField(
        max_length=16, db_index=True, help_text="Like “steward”: the command that runs it."
    )
    began_at = models.DateTimeField(db_default=Now())
    at = models.DateTimeField(db_default=Now(), db_index=True)
    release = models.CharField(max_length=40, help_text="The version of the service that it runs.")
    counts = models.JSONField(
        default=list, help_text="What it counted since its start: name, labels, number."
    )
