"""Agents as drawn, and three rows for each bot, with one writer each.

`Wanted` is written by people (through `butt.agents.actions`), `Progress` by the steward, `Observed` by the
monitor. Nobody writes another's row, so no update is lost. There are three exceptions. Anybody may bring
forward `Progress.due_at`, when the steward looks next (`butt.agents.wake`). Only billing writes `Wanted.paid`
(`butt.billing`), and only operators write some of the fields beside it (`butt.operating`). Whoever sees a
higher `Observed.sequence` raises it.
"""

import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.names import full_name
from butt.agents.states import State
from butt.reasons.field import ReasonField
from butt.services.interface import LONGEST_NAME
from scuttlekit.network_keys import MAIN

DEFAULT_HOPS = 2


class Agent(models.Model):
    class Type(models.TextChoices):
        PERSON = "person"
        BOT = "bot"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=6, choices=Type)
    name = models.CharField(max_length=80)
    description = models.TextField(max_length=2000, blank=True, default="")
    service = models.CharField(max_length=LONGEST_NAME, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("name", condition=models.Q(type="bot"), name="one_bot_of_each_name"),
        ]

    role: str | None = None
    """The role of the person through whom a bot was found (`butt.agents.bots.bots_of`); None if it was found
    otherwise.
    """

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def full_name(self) -> str:
        return full_name(self.name)


class Role(models.TextChoices):
    """What a person may do with a bot that they share."""

    OWNER = "owner"
    """May do everything."""

    MODERATOR = "moderator"
    """May see its figures, and look after its members and invites."""


class Belongs(models.Model):
    """The source agent (a bot) belongs to the target agent (a person)."""

    source_agent = models.ForeignKey(Agent, models.CASCADE, related_name="belongs_to")
    target_agent = models.ForeignKey(Agent, models.CASCADE, related_name="belongings")
    role = models.CharField(
        max_length=9, choices=Role, default=Role.OWNER, db_default=Role.OWNER, help_text="What they may do."
    )
    pays = models.BooleanField(default=False, db_default=False, help_text="They agreed to pay for it.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "belongs"
        constraints = [
            models.UniqueConstraint(fields=["source_agent", "target_agent"], name="belongs_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source_agent_id} belongs to {self.target_agent_id}"


class RoomMode(models.TextChoices):
    """Who may meet in a bot's room, by the names of rooms 2.0; the pub's `PUB.md` says what each means."""

    OPEN = "open"
    COMMUNITY = "community"
    RESTRICTED = "restricted"
    NONE = "none"


class BotRow(models.Model):
    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True)

    class Meta:
        abstract = True


class Wanted(BotRow):
    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="wanted")
    run = models.BooleanField(default=True)
    network = models.CharField(
        max_length=44,
        default=MAIN,
        help_text="Its name, or its key in base64: chosen when the bot is made, and never changed.",
    )
    hops = models.PositiveSmallIntegerField(
        default=DEFAULT_HOPS, help_text="How far in the follow graph it keeps messages."
    )
    announced = models.BooleanField(
        default=False,
        help_text="Whether its feed should announce its address, for apps and other pubs to dial.",
    )
    room_mode = models.CharField(
        max_length=10,
        choices=[(mode, mode) for mode in RoomMode],
        default=RoomMode.COMMUNITY,
        db_default=RoomMode.COMMUNITY,
        help_text="Who may meet in its room.",
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        help_text="How much of the disk and the network it may take, as its owner wants it: bytes, days and bytes a month by the names of the pub's bounds.",
    )
    restarts = models.PositiveIntegerField(default=0, help_text="How often a restart was asked for.")
    upgrades = models.PositiveIntegerField(
        default=0, help_text="How often an upgrade or a rebuild was asked for."
    )
    release = models.CharField(
        max_length=64, blank=True, default="", help_text="The code that was asked for last."
    )
    moves = models.PositiveIntegerField(default=0, db_default=0, help_text="How often a move was asked for.")
    place = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Where operators asked for it to run last: a machine, or `here`.",
    )
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="Deleted by its owner; its data goes at this time."
    )
    asked_at = models.DateTimeField(db_default=Now())
    paid = models.BooleanField(default=True, help_text="Written by billing alone: it may run.")
    blocked = models.CharField(
        max_length=300, blank=True, default="", help_text="Why operators stopped it; empty: they did not."
    )
    suspended = models.BooleanField(default=False, help_text="Operators suspended everybody who owns it.")
    page_down = models.BooleanField(default=False, help_text="Operators took its public pages down.")

    class Meta:
        verbose_name_plural = "wanted"


class Leg(models.TextChoices):
    """How far a bot's move to another place has come."""

    CARRYING = "carrying"
    ARRIVING = "arriving"
    RETURNING = "returning"


class Progress(BotRow):
    """How far the steward has come. `launch` numbers each start, so that no start is mistaken for another."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="progress")
    state = models.CharField(max_length=10, choices=[(s, s) for s in State], default=State.NEW)
    reason = ReasonField(blank=True, default="", help_text="Why, in words a person understands.")
    since = models.DateTimeField(db_default=Now())
    deadline = models.DateTimeField(
        null=True, blank=True, help_text="When a passing state has taken too long."
    )
    launch = models.PositiveIntegerField(default=0)
    restarts = models.PositiveIntegerField(default=0, help_text="How many of the wanted restarts are done.")
    tries = models.PositiveIntegerField(default=0, help_text="Failures in a row; sets the back-off.")
    address = models.CharField(
        max_length=253, blank=True, default="", help_text="The host that clients dial."
    )
    port = models.PositiveIntegerField(null=True, blank=True, unique=True)
    release = models.CharField(
        max_length=64, blank=True, default="", help_text="Its code: the key of a release."
    )
    upgrades = models.PositiveIntegerField(default=0, help_text="How many of the wanted upgrades are done.")
    previous = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The code to go back to; empty: the present one is proven.",
    )
    trial_ends = models.DateTimeField(null=True, blank=True, help_text="When the present code is proven.")
    refused = models.CharField(
        max_length=64, blank=True, default="", help_text="The code that it came back from."
    )
    notice = ReasonField(blank=True, default="", help_text="Why its last upgrade was undone.")
    moves = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How many of the wanted moves were begun."
    )
    move_notice = ReasonField(
        blank=True, default="", db_default="", help_text="Why its last move did not succeed."
    )
    leg = models.CharField(
        max_length=9,
        choices=Leg,
        blank=True,
        default="",
        db_default="",
        help_text="How far a move has come; empty: there is none.",
    )
    origin = models.CharField(max_length=64, blank=True, default="", db_default="")
    destination = models.CharField(max_length=64, blank=True, default="", db_default="")
    carried = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="The sequence of its feed in the copy that was moved last."
    )
    ssb_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    due_at = models.DateTimeField(db_default=Now(), db_index=True, help_text="When the steward looks next.")

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self) -> str:
        return f"#{self.state}"


class Observed(BotRow):
    """What the monitor last saw over its own connection to the bot. Sizes in bytes."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="observed")
    alive = models.BooleanField(default=False)
    launch = models.PositiveIntegerField(default=0, help_text="The launch that answered.")
    trouble = models.TextField(blank=True, default="", help_text="Why it does not answer.")
    started_at = models.DateTimeField(null=True, blank=True)
    sequence = models.PositiveBigIntegerField(
        default=0, help_text="The highest sequence of its own feed ever seen; it never goes down."
    )
    said = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="How far its feed has come, as its present launch says."
    )
    catching_up = models.BooleanField(
        default=False,
        help_text="It was imported, and has not been seen to have all its own messages yet.",
    )
    memory = models.PositiveBigIntegerField(null=True, blank=True)
    disk = models.PositiveBigIntegerField(null=True, blank=True)
    bytes_in = models.PositiveBigIntegerField(null=True, blank=True)
    bytes_out = models.PositiveBigIntegerField(null=True, blank=True)
    peers = models.PositiveIntegerField(null=True, blank=True)
    hops = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="As the bot reports it; None if its code does not support it."
    )
    room = models.JSONField(
        null=True, blank=True, help_text="What uses its disk, in bytes; None if its code does not report it."
    )
    full = models.PositiveSmallIntegerField(
        default=0, db_default=0, db_index=True, help_text="The percentage of its disk that it uses."
    )
    traffic = models.JSONField(
        null=True,
        blank=True,
        help_text="Bytes in and out this month, and how many are allowed; None if its code does not report them.",
    )
    traffic_full = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        db_index=True,
        help_text="The percentage of that month's traffic that it used.",
    )
    traffic_behind = models.BooleanField(
        default=False, db_default=False, help_text="It reported less for that month than was seen before."
    )
    attendants = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many people are in its room; None if its code has no room."
    )
    tunnels = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many tunnels go through its room."
    )
    aliases = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many aliases members of its room have; None if its code does not report it.",
    )
    limits_told = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="The limits that it was told last."
    )
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "observed"


class Allowance(models.Model):
    """The number of bots that a person may have, if not the usual one. Operators write it."""

    person = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="allowance")
    bots = models.PositiveIntegerField()


class JournalEntry(models.Model):
    """Who did what to which bot. Entries outlive both, so they keep names instead of references."""

    at = models.DateTimeField(db_default=Now())
    bot_id = models.UUIDField(db_index=True)
    bot_name = models.CharField(max_length=80)
    actor = models.CharField(max_length=300, help_text="The person's agent id, or the part of the service.")
    what = models.CharField(max_length=40)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor} {self.what} {self.bot_name}"
