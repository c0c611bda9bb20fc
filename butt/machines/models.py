"""Machines, and what each should run.

The host writes a machine's orders and raises its `generation` in the same transaction; the machine's reports write what was
seen. A bot that is missing from the rows must not be removed for that reason: only a `Tombstone` says that.
"""

import secrets
import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent

LOCAL = "here-"
"""The prefix of the minion id of the control plane's own machine, when it has no Salt master."""


def random_minion_id() -> str:
    """A name that does not reveal whose machine it is."""
    return f"m{secrets.token_hex(12)}"


class Machine(models.Model):
    class State(models.TextChoices):
        NEW = "new"
        READY = "ready"
        LEAVING = "leaving"
        DRAINING = "draining"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    minion_id = models.CharField(max_length=64, unique=True, default=random_minion_id, editable=False)
    person = models.ForeignKey(
        Agent,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="machines",
        help_text="Whose bots it runs; nobody: those of anybody without a machine of their own.",
    )
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    generation = models.PositiveBigIntegerField(
        default=0, help_text="Goes up with each change of its orders."
    )
    host = models.CharField(
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text="How operators reach it by ssh; bots' names lead there.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    seen_generation = models.PositiveBigIntegerField(default=0, help_text="The one that it followed last.")
    seen_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(
        blank=True, default="", help_text="Why it does not carry out its orders, in words."
    )
    facts = models.JSONField(default=dict, blank=True)
    boot = models.JSONField(
        default=dict, blank=True, help_text="How far its boot has come, as it reports: step, what, trouble."
    )
    emptying = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="While its bots are moved away one after the other: who asked, the reason, the bot, and any trouble.",
    )
    strangers = models.JSONField(
        default=list, blank=True, help_text="Containers on it that are not ours to touch."
    )

    def __str__(self) -> str:
        return self.minion_id


class MachineToken(models.Model):
    """Only the digest of a token is kept. A machine may have several, so that one can replace another without a gap."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField(null=True, blank=True)


class Placement(models.Model):
    """A bot's place on a machine: its latest order, and what the machine last saw of it."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="placement")
    machine = models.ForeignKey(Machine, models.PROTECT, related_name="placements")
    generation = models.PositiveBigIntegerField(help_text="The machine's, when this order was last changed.")
    run = models.BooleanField()
    launch = models.PositiveIntegerField()
    order = models.JSONField(
        default=dict, help_text="Everything else that was ordered; it takes effect at each launch."
    )
    ssb_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    seen = models.JSONField(default=dict, blank=True)
    tried = models.BooleanField(default=False, db_default=False, help_text="It was seen to have run here.")


class Unconfirmed(models.Model):
    """A bot of which it is uncertain where it runs, since the service was restored from a backup. It gets no orders.

    Its placement says where it was when the backup was made. It may have been moved since then.
    """

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="unconfirmed")
    generation = models.PositiveBigIntegerField(
        help_text="Only a report that goes by this generation or a later one was made after the restore."
    )
    elsewhere = models.CharField(
        max_length=64, blank=True, default="", help_text="Another machine that says that it runs there."
    )


class Transfer(models.Model):
    """The data of a bot on its way to another place: to a machine, or to the control plane itself.

    The steward requests it and settles it; whoever carries it writes everything else.
    """

    class State(models.TextChoices):
        ASKED = "asked"
        COME = "come"
        READY = "ready"
        FAILED = "failed"

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="transfer")
    move = models.PositiveIntegerField(help_text="Which move of the bot it is for.")
    to = models.CharField(max_length=64, help_text="A machine, or `here`.")
    state = models.CharField(max_length=6, choices=State, default=State.ASKED)
    job = models.UUIDField(null=True, db_column="errand", help_text="What its machine was asked for.")
    tries = models.PositiveSmallIntegerField(default=0)
    sequence = models.PositiveBigIntegerField(
        null=True, help_text="How far its own feed goes in the data that arrived."
    )
    words = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())


class OldCopy(models.Model):
    """What a bot left at a place that it was moved away from. It never runs, and is removed once the bot is well where it is.

    `launch` and `order` are those of its placement there, in case it has to go back.
    """

    bot = models.ForeignKey(Agent, models.CASCADE, related_name="old_copies")
    machine = models.ForeignKey(
        Machine, models.PROTECT, null=True, related_name="old_copies", help_text="None: the control plane."
    )
    launch = models.PositiveIntegerField(default=0)
    order = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "machine"], name="one_old_copy_on_a_machine"),
            models.UniqueConstraint(
                "bot", condition=models.Q(machine=None), name="one_old_copy_on_the_control_plane"
            ),
        ]


class Tombstone(models.Model):
    """A bot that is to be removed from a machine with all its data. Kept afterwards as a record."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="tombstones")
    bot_id = models.UUIDField()
    generation = models.PositiveBigIntegerField()
    at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "bot_id"], name="one_tombstone_of_a_bot")]


class Upload(models.Model):
    """An export that was requested from a machine: only an expected one is accepted, once, and up to `most` bytes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="uploads")
    bot_id = models.UUIDField()
    most = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(db_default=Now())
    size = models.PositiveBigIntegerField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)


class MachineJob(models.Model):
    """Something about a bot that its machine was asked for: how much data it has, or a part of its data.

    Whoever asks writes the row and waits; the steward carries it out, because only the steward may call machines.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="jobs")
    bot_id = models.UUIDField()
    what = models.CharField(max_length=8)
    created_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(blank=True, default="")
    answer = models.JSONField(default=dict, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], condition=models.Q(done_at=None), name="open_errands")]
        db_table = "machines_errand"


class LogTail(models.Model):
    """The end of a bot's own log, sent by its machine for as long as somebody reads it."""

    bot_id = models.UUIDField(primary_key=True, editable=False)
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="log_tails")
    wanted_at = models.DateTimeField(db_index=True)
    followed_until = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    text = models.TextField(blank=True, default="")

    class Meta:
        db_table = "machines_tail"
