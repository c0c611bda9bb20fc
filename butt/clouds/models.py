"""Two rows with one writer each for each person with a machine, what can be rented, and the keys of the cloud.

`WantedMachine` is written by whoever asks (through `butt.clouds.rentals`), `Rented` by the keeper. They outlive the person's
agent, because the person's resources may: so they keep the agent's id and no reference.
"""

from datetime import datetime

from django.db import models
from django.db.models.functions import Now

from butt.clouds.interface import Rates, ServerOffer
from butt.reasons.field import ReasonField


class WantedMachine(models.Model):
    agent_id = models.UUIDField(primary_key=True, editable=False)
    present = models.BooleanField(default=True, help_text="Whether there should be a machine at all.")
    bots = models.PositiveIntegerField(default=1, help_text="For how many bots there should be room.")
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
        db_table = "clouds_wanted"
        verbose_name_plural = "wanted"

    def __str__(self) -> str:
        return f"machine of {self.agent_id}"


class Rented(models.Model):
    """How far the keeper has come. `held` says that the machine has booted, so its volume holds data."""

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
    reason = ReasonField(blank=True, default="", help_text="Why, in words a person understands.")
    mend = models.TextField(blank=True, default="", help_text="What an operator can do about it.")
    since = models.DateTimeField(db_default=Now())
    zone = models.CharField(max_length=20, blank=True, default="")
    type = models.CharField(max_length=40, blank=True, default="")
    tried = models.JSONField(
        default=list, blank=True, help_text="Zones, and types in zones, that had no room, in their order."
    )
    server_id = models.CharField(max_length=64, blank=True, default="")
    volume_id = models.CharField(max_length=64, blank=True, default="")
    root_id = models.CharField(
        max_length=64, blank=True, default="", help_text="The volume that its server boots from."
    )
    address4 = models.CharField(max_length=64, blank=True, default="")
    address6 = models.CharField(max_length=64, blank=True, default="")
    former = models.JSONField(
        default=list,
        blank=True,
        help_text="IPv6 addresses that it had before, as DNS records may lead there.",
    )
    opened = models.CharField(
        max_length=64, blank=True, default="", help_text="The security group whose ports were opened."
    )
    held = models.BooleanField(default=False)
    remake = models.BooleanField(
        default=False, help_text="Its server should be made again, because it could not be changed as wanted."
    )
    replaced = models.PositiveIntegerField(default=0, help_text="How many of the replacements are done.")
    restored = models.CharField(
        max_length=64, blank=True, default="", help_text="The snapshot that the volume was restored from."
    )
    monthly = models.DecimalField(
        max_digits=10, decimal_places=2, default=0, help_text="Euro a month, for what exists of it."
    )
    expected = models.DecimalField(
        max_digits=10, decimal_places=2, default=0, help_text="Euro a month, for all of it, snapshots too."
    )
    tries = models.PositiveIntegerField(default=0, help_text="Failures in a row; sets the back-off.")
    unsure_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then, something that was requested may still appear."
    )
    due_at = models.DateTimeField(db_default=Now(), db_index=True, help_text="When the keeper looks next.")

    class Meta:
        verbose_name = "rented machine"

    def __str__(self) -> str:
        return f"machine of {self.agent_id} #{self.state}"


class Stock(models.Model):
    """What the cloud offered when the keeper last asked, so that room and cost are known without a call.

    Memory in bytes, prices in euro per month (see `interface.Rates`).
    """

    zone = models.CharField(max_length=20)
    type = models.CharField(max_length=40)
    memory = models.PositiveBigIntegerField()
    monthly = models.DecimalField(max_digits=12, decimal_places=5)
    root = models.DecimalField(max_digits=12, decimal_places=5, default=0)
    gb = models.DecimalField(max_digits=12, decimal_places=5, default=0)
    snapshot_gb = models.DecimalField(max_digits=12, decimal_places=5, default=0)
    address4 = models.DecimalField(max_digits=12, decimal_places=5, default=0)
    in_stock = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "stock"
        constraints = [models.UniqueConstraint(fields=["zone", "type"], name="one_offer_of_each_type")]

    def __str__(self) -> str:
        return f"{self.type} in {self.zone}"

    @classmethod
    def of(cls, offer: ServerOffer, at: datetime) -> "Stock":
        kept = {field: getattr(offer, field) for field in ("zone", "type", "memory", "monthly", "in_stock")}
        return cls(at=at, **kept, **vars(offer.rates))

    @property
    def offer(self) -> ServerOffer:
        rates = Rates(self.root, self.gb, self.snapshot_gb, self.address4)
        return ServerOffer(self.zone, self.type, self.memory, self.monthly, self.in_stock, rates)


class AccessKey(models.Model):
    """The keys that a cloud is called with, as the keeper last saw them."""

    cloud = models.CharField(primary_key=True, max_length=40)
    ends_at = models.DateTimeField(null=True, blank=True)
    renew = models.TextField(blank=True, default="", help_text="How to get new ones.")
    trouble = models.TextField(
        blank=True, default="", help_text="Why the cloud did not say when they expire."
    )
    mend = models.TextField(blank=True, default="", help_text="What an operator can do about that.")
    told_of = models.DateTimeField(
        null=True, blank=True, help_text="The expiry that operators were told about."
    )
    at = models.DateTimeField(help_text="When the cloud was asked last.")

    class Meta:
        verbose_name = "key of the cloud"
        verbose_name_plural = "keys of the cloud"

    def __str__(self) -> str:
        return f"key of {self.cloud}"
