"""Announcements to everybody. An operator writes the row; the leading monitor sends it and notes how far it
has come.
"""

from django.db import models
from django.db.models.functions import Now


class Announcement(models.Model):
    subject = models.CharField(max_length=120)
    text = models.TextField(max_length=5000)
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    told_up_to = models.PositiveBigIntegerField(default=0, help_text="The number of the last account told.")
    done_at = models.DateTimeField(null=True, blank=True, help_text="When everybody had been told.")

    def __str__(self) -> str:
        return self.subject
