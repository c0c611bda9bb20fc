"""The releases that exist or are being built. The builder writes them; a rebuild adds one that waits."""

from django.db import models
from django.db.models.functions import Now

from butt.services.interface import PUB_RELEASES


class Release(models.Model):
    """One build of a source. Its `key` is the digest of the source, followed by `-2` if it was built a second time."""

    class State(models.TextChoices):
        WAITING = "waiting"
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    key = models.CharField(max_length=64, primary_key=True)
    digest = models.CharField(max_length=32, db_index=True)
    build = models.PositiveIntegerField(
        default=1, help_text="How often this source has been built, including this time."
    )
    source = models.CharField(max_length=16, default=PUB_RELEASES)
    number = models.PositiveIntegerField(help_text="What people call it by: one for each digest of a source.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress = models.CharField(max_length=200, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Why it failed.")
    log = models.TextField(blank=True, default="")
    packages = models.JSONField(default=dict, help_text="{name: version} of all that it depends on.")
    runtime = models.CharField(
        max_length=64, blank=True, default="", help_text="What runs it, with the version: Node 24.19.0."
    )
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), help_text="When it is built, or tried again.")
    found_at = models.DateTimeField(db_default=Now(), help_text="When the source was last changed to this.")
    built_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "build"], name="one_release_of_each_build"),
        ]

    def __str__(self) -> str:
        return f"release {self.label} of {self.source}"

    @property
    def label(self) -> str:
        """`4`, or `4.2` for the second build of the same source."""
        return f"{self.number}" if self.build == 1 else f"{self.number}.{self.build}"
