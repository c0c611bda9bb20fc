"""What people should be told, and how they want to be told.

Packages post messages (`butt.outbox.posting`); the sender alone changes `claimed_until`, `tries` and `sent_at`.
"""

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent


class OutboxMessage(models.Model):
    """One event, for one person, over one channel. The row stays after it was sent, so that it is not posted again."""

    event = models.CharField(max_length=24, help_text="A key of `butt.outbox.words.TEMPLATES`.")
    about = models.CharField(
        max_length=120, help_text="Which event of its kind: an outage, a debt, a deletion."
    )
    person = models.ForeignKey(Agent, models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=8)
    values = models.JSONField(default=dict, help_text="What its words need. Times in ISO 8601.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(
        null=True, help_text="When to send it; empty if it was sent, given up or withdrawn."
    )
    claimed_until = models.DateTimeField(null=True, help_text="Until when somebody is sending it.")
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox_message"
        constraints = [
            models.UniqueConstraint(fields=["event", "about", "person", "channel"], name="each_is_told_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="messages_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.person_id} by {self.channel}"


class Preferences(models.Model):
    """How a person wants to be told. Without a row: by email only."""

    person = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="preferences")
    mail = models.BooleanField(
        default=True, help_text="Whether they want emails about how their bots are doing."
    )
    webhook = models.URLField(max_length=300, blank=True, default="")
    webhook_secret = models.CharField(max_length=64, blank=True, default="")
