"""What is counted for all servers together, and who was slowed down. Any part may write; each row belongs to
one limit.
"""

from django.db import models


class Count(models.Model):
    """One thing done that a limit counts."""

    key = models.CharField(
        max_length=64, db_index=True, help_text="A digest of the limit and of whom it applies to."
    )
    until = models.DateTimeField(db_index=True, help_text="When it no longer counts.")


class Slowed(models.Model):
    """Whom a limit slowed down, and how often. The row with an empty `who` counts all cases of that limit."""

    limit = models.CharField(max_length=40)
    who = models.CharField(
        max_length=100, blank=True, help_text="Like “address 192.0.2.1/32” or “person ID”."
    )
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    times = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = "slowed"
        constraints = [models.UniqueConstraint(fields=["limit", "who"], name="slowed_once")]
