"""For each person with a machine two rows with one writer each, and what the market offers.

`Wanted` is written by whoever asks (through `butt.clouds.rentals`), `Rented` by the keeper. They outlive the
person's agent, as its things may: so they keep its id and no reference.
"""

from django.db import models
from django.db.models.functions import Now


class Wanted(models.Model):
    agent_id = models.UUIDField(primary_key=True, editable=False)
    present = models.BooleanField(default=True, help_text="Whether there is to be a machine at all.")
    bots = models.PositiveIntegerField(default=1, help_text="For how many bots there is to be room.")
    names = models.JSONField(
        default=list, blank=True, help_text="The DNS names of its bots, without the domain."
    )
    replacements = models.PositiveIntegerField(
        default=0, help_text="How often another machine was asked for."
    )
    snapshot = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The snapshot that a lost volume is to be restored from.",
    )

    class Meta:
        verbose_name_plural = "wanted"

    def __str__(self) -> str:
        return f"machine of {self.agent_id}"


class Rented(models.Model):
    """How far the keeper has come. `held` says that the machine has booted: its volume holds data."""

    class State(models.TextChoices):
        NEW = "new"
        MAKING = "making"
        READY = "ready"
        CHANGING = "changing"
        REPLACING = "replacing"
        STUCK = "stuck"
        LEAVING = "leaving"

    agent_id = models.UUIDField(primary_key=True, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    reason = models.TextField(blank=True, default="", help_text="Why, in words a person understands.")
    since = models.DateTimeField(db_default=Now())
    zone = models.CharField(max_length=20, blank=True, default="")
    type = models.CharField(max_length=40, blank=True, default="")
    tried = models.JSONField(default=list, blank=True, help_text="Zones that had no room, in their order.")
    server_id = models.CharField(max_length=64, blank=True, default="")
    volume_id = models.CharField(max_length=64, blank=True, default="")
    address4 = models.CharField(max_length=64, blank=True, default="")
    address6 = models.CharField(max_length=64, blank=True, default="")
    opened = models.CharField(
        max_length=64, blank=True, default="", help_text="The security group whose ports were opened."
    )
    held = models.BooleanField(default=False)
    replaced = models.PositiveIntegerField(default=0, help_text="How many of the replacements are done.")
    restored = models.CharField(
        max_length=64, blank=True, default="", help_text="The snapshot that the volume was restored from."
    )
    monthly = models.DecimalField(max_digits=10, decimal_places=2, default=0, help_text="Euro a month.")
    tries = models.PositiveIntegerField(default=0, help_text="Failures in a row; sets the back-off.")
    unsure_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then something that was asked for may still appear."
    )
    due_at = models.DateTimeField(db_default=Now(), db_index=True, help_text="When the keeper looks next.")

    class Meta:
        verbose_name = "rented machine"

    def __str__(self) -> str:
        return f"machine of {self.agent_id} #{self.state}"


class Stock(models.Model):
    """What the cloud offered when the keeper last asked: room can be promised without a call. Memory in bytes."""

    zone = models.CharField(max_length=20)
    type = models.CharField(max_length=40)
    memory = models.PositiveBigIntegerField()
    monthly = models.DecimalField(max_digits=10, decimal_places=2)
    in_stock = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "stock"
        constraints = [models.UniqueConstraint(fields=["zone", "type"], name="one_offer_of_each_type")]

    def __str__(self) -> str:
        return f"{self.type} in {self.zone}"
