"""Which emails about a bot that leaves were sent. Each mark is set before its email goes, so that none goes twice."""

from django.db import models

from butt.agents.models import Agent


class Farewell(models.Model):
    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="farewell")
    gone_at = models.DateTimeField(
        help_text="Which delete it is about: who restores and deletes again is told again."
    )
    told_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
