"""What is kept of a bot's figures. The monitor writes all of it."""

import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent
from butt.figures.declared import COLUMNS, GROWING

JUST_CAME = 1 << 16
"""The most bytes of a log that a pub indexes within a moment."""


class Reading(models.Model):
    """The last figures that a bot reported, and those of `GROWING`. They restart with each process; totals are in
    `Observed`.
    """

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="reading")
    started_at = models.DateTimeField()
    messages = models.PositiveBigIntegerField()
    feeds = models.PositiveBigIntegerField()
    indexed = models.BigIntegerField()
    to_index = models.BigIntegerField()

    @property
    def share(self) -> int:
        """The percentage of its log that is indexed; a position of -1 is the end of an empty log.

        The last bytes have just arrived: they are no backlog, though they may be all that a new bot has.
        """
        if self.to_index - self.indexed <= JUST_CAME:
            return 100
        return 100 * (self.indexed + 1) // (self.to_index + 1)


for figure in GROWING:
    Reading.add_to_class(figure.name, models.PositiveBigIntegerField())


class Sample(models.Model):
    """What was seen of a bot within `resolution` seconds from `at`. Its other columns are `COLUMNS`, the declared figures."""

    bot = models.ForeignKey(Agent, models.CASCADE, related_name="samples")
    resolution = models.PositiveIntegerField(help_text="In seconds; the finest are single sightings.")
    at = models.DateTimeField()
    count = models.PositiveIntegerField(help_text="Of how many sightings it is made.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "resolution", "at"], name="one_sample_at_a_time"),
        ]
        indexes = [models.Index(fields=["resolution", "at"], name="samples_by_age")]


for column in COLUMNS:
    field = models.PositiveBigIntegerField(help_text=column.help, null=column.may_be_unknown)
    Sample.add_to_class(column.name, field)


class RolledUp(models.Model):
    """The time until which all samples of a resolution exist. Finer samples after it must not be pruned yet."""

    resolution = models.PositiveIntegerField(primary_key=True)
    until = models.DateTimeField()


class MonitorBeat(models.Model):
    """A running monitor, and what it has done since it started. It counts as dead when its beat is old."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    beat = models.DateTimeField(db_default=Now())
    watching = models.PositiveIntegerField(default=0)
    written = models.PositiveBigIntegerField(default=0, help_text="Samples.")
    lost = models.PositiveBigIntegerField(default=0, help_text="Samples it could not write.")

    class Meta:
        db_table = "figures_monitor"


class Outage(models.Model):
    """A bot that should answer and does not. Each mark is set before its email is sent, so that none is sent
    twice.
    """

    bot = models.ForeignKey(Agent, models.CASCADE, related_name="outages")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    told_end_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("bot", condition=models.Q(ended_at=None), name="one_open_outage"),
        ]


class Fullness(models.Model):
    """A bot that has nearly used up a limit, of which its owner was told. A mark is set before its email is sent."""

    class What(models.TextChoices):
        DISK = "disk"
        TRAFFIC = "traffic"

    what = models.CharField(max_length=7, choices=What, default=What.DISK, db_default=What.DISK)
    bot = models.ForeignKey(Agent, models.CASCADE, related_name="fullness")
    percent = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "what", "percent"], name="told_of_each_once"),
        ]
