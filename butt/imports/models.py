"""Each import, from its first byte until its data is where the bot runs. The public server receives; the steward places."""

import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent


class Import(models.Model):
    class State(models.TextChoices):
        UPLOADING = "uploading"
        PLACING = "placing"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Agent, models.CASCADE, related_name="imports")
    bot = models.OneToOneField(Agent, models.CASCADE, null=True, related_name="imported")
    state = models.CharField(max_length=9, choices=State, default=State.UPLOADING)
    caught_up_at = models.DateTimeField(
        null=True, help_text="When its owner said that there are no newer messages of its own."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "person", condition=models.Q(state="uploading"), name="one_import_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.id} {self.state}"
