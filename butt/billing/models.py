"""One row for each person who pays: what is wanted, what was seen at Stripe, and since when a payment is due."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent
from butt.configuration import configuration


class Payer(models.Model):
    """A row without a person remains until everything at Stripe is ended. Setting `look_at` wakes the worker."""

    person = models.OneToOneField(Agent, models.SET_NULL, null=True, related_name="payer")

    # What is wanted
    quantity = models.PositiveIntegerField(default=0, help_text="How many bots are to be paid for.")
    rooms = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How many of them are rooms, where those cost another sum."
    )
    keeps = models.BooleanField(
        default=False, help_text="They have bots, even if only deleted ones that can still be restored."
    )
    pays = models.BooleanField(
        default=False, help_text="They entered a card for their bots, and have not cancelled."
    )
    cancels = models.BooleanField(
        default=False, help_text="They cancelled: it ends with the period that is paid for."
    )
    wishes = models.BooleanField(
        default=False, help_text="Stripe has not been told yet whether they cancelled."
    )

    coupon = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="A coupon of Stripe's to give to them; empty once it was given.",
    )

    # How far it has come
    email = models.EmailField(max_length=254, blank=True, default="", help_text="To find the customer again.")
    customer = models.CharField(max_length=64, blank=True, default="", db_index=True)
    generation = models.PositiveIntegerField(default=0, help_text="How many of their customers Stripe lost.")
    subscription = models.CharField(max_length=64, blank=True, default="")
    told = models.PositiveIntegerField(
        null=True,
        default=0,
        help_text="The number of bots that Stripe was last told of; none while it is being told another one.",
    )
    told_rooms = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How many of them it was told are rooms."
    )
    begun = models.PositiveIntegerField(default=0, help_text="How many subscriptions there have been.")
    closing = models.BooleanField(
        default=False, help_text="We ended the subscription, because no bot is left."
    )
    tried = models.CharField(
        max_length=64, blank=True, default="", help_text="The card last tried on a debt."
    )

    # What was seen at Stripe
    status = models.CharField(max_length=24, blank=True, default="")
    paid_quantity = models.PositiveIntegerField(default=0)
    paid_rooms = models.PositiveIntegerField(default=0, db_default=0)
    period_end = models.DateTimeField(null=True, blank=True)
    ends = models.BooleanField(default=False, help_text="The subscription ends with its period.")
    card = models.CharField(max_length=64, blank=True, default="")
    card_brand = models.CharField(max_length=32, blank=True, default="")
    card_last4 = models.CharField(max_length=4, blank=True, default="")
    card_expires = models.DateField(
        null=True, blank=True, help_text="The first day on which the card is no longer valid."
    )
    unit = models.PositiveIntegerField(
        default=0, help_text="What a bot costs them a month, in the currency's smallest unit."
    )
    room_unit = models.PositiveIntegerField(
        default=0, db_default=0, help_text="What a room costs them, if they pay for one."
    )
    currency = models.CharField(max_length=3, blank=True, default="")
    paused = models.BooleanField(default=False, help_text="Collection was paused in Stripe's dashboard.")
    confirms = models.BooleanField(default=False, help_text="Their bank wants them to confirm what is due.")
    paid_at = models.DateTimeField(null=True, blank=True, help_text="When they were first seen to have paid.")
    ended_there = models.CharField(
        max_length=32, blank=True, default="", help_text="Why the subscription ended, if not because of us."
    )
    has_open = models.BooleanField(
        default=False, help_text="An invoice could not be charged, and may be open beside the subscription."
    )
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="Why the last try failed.")

    # What follows
    due_since = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="Since when its bots are #unpaid.")

    look_at = models.DateTimeField(db_default=Now(), db_index=True)
    held_until = models.DateTimeField(null=True, blank=True, help_text="Somebody is at work on it.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row, to reach Stripe.")

    def __str__(self) -> str:
        return f"payer {self.customer or self.pk}"

    @property
    def is_news(self) -> bool:
        """Whether Stripe must still be told how many bots, or how many rooms among them, they pay for."""
        return (self.told, self.told_rooms) != (self.quantity, self.rooms)

    @property
    def is_paid(self) -> bool:
        return self.status in {"active", "trialing"}

    @property
    def is_covered(self) -> bool:
        """Nothing is owed: the subscription is paid, or there is nothing to pay for."""
        return self.is_paid or not (self.quantity or self.keeps)

    @property
    def stops_at(self) -> datetime | None:
        """When bots stop unless it is paid."""
        return self.due_since and self.due_since + timedelta(days=configuration().grace_days)

    @property
    def leaves_at(self) -> datetime | None:
        """When bots leave unless it is paid."""
        return self.stopped_at and self.stopped_at + timedelta(days=configuration().unpaid_keep_days)


class Event(models.Model):
    """Makes sure that each Stripe event counts once."""

    id = models.CharField(max_length=64, primary_key=True)
    type = models.CharField(max_length=80)
    at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class EventLook(models.Model):
    """One row: when Stripe was last asked which events there were."""

    at = models.DateTimeField()


class PayerWanted(models.Model):
    """A bot for which one of the people who share it must agree to pay. While there is a `leaver`, they still pay."""

    bot = models.OneToOneField(Agent, models.CASCADE, related_name="payer_wanted")
    leaver = models.ForeignKey(
        Agent,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Pays for it, and wants to leave it.",
    )
    since = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="Since when the bot is #unpaid.")
    told = models.CharField(max_length=16, blank=True, default="", help_text="The letter that went last.")

    class Meta:
        verbose_name_plural = "payers wanted"

    def __str__(self) -> str:
        return f"payer wanted for {self.bot_id}"

    @property
    def stops_at(self) -> datetime:
        """When the bot stops unless somebody agrees; meaningless while there is a leaver."""
        return self.since + timedelta(days=configuration().grace_days)

    @property
    def leaves_at(self) -> datetime | None:
        """When the bot leaves unless somebody agrees."""
        return self.stopped_at and self.stopped_at + timedelta(days=configuration().unpaid_keep_days)
