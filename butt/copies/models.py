"""Where a bot's owners send their own copies. People write the place; the worker that copies writes
everything else.
"""

from django.db import models

from butt.agents.models import Agent


class PlaceKind(models.TextChoices):
    S3 = "s3"
    WEBDAV = "webdav"


class OwnCopy(models.Model):
    """One bot's place. `secret` is the person's own, for that place only, and is shown to nobody."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="own_copy")
    kind = models.CharField(max_length=6, choices=PlaceKind)
    url = models.CharField(max_length=500, help_text="The endpoint of S3, or the folder at a WebDAV server.")
    bucket = models.CharField(max_length=200, blank=True, default="")
    region = models.CharField(max_length=60, blank=True, default="")
    user = models.CharField(max_length=200, blank=True, default="")
    secret = models.CharField(max_length=500, blank=True, default="")
    key = models.CharField(max_length=100, help_text="The public age key that each copy is sealed for.")
    nightly = models.BooleanField(default=True)
    person = models.ForeignKey(Agent, models.CASCADE, related_name="+", help_text="Who chose the place.")
    due_at = models.DateTimeField(db_index=True, help_text="When the next copy is due.")
    begun_at = models.DateTimeField(null=True, help_text="Since when a worker has been copying it.")
    done_at = models.DateTimeField(null=True, help_text="When the last complete copy was made.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the last copy.")
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="Why the last try failed.")
    failing_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="When its owners were told that it fails.")
