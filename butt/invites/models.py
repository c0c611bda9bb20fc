"""Invites as their makers see them, and what the monitor has read of them in the pub's own feed.

People write `Invite` and `Listing`, the monitor `InviteUse` and `FeedState`. Of `Invite` the monitor writes only
`withdrawn_at`: that the pub no longer knows the invite.
"""

import secrets
import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent

LONGEST_NAME = 80
MOST_USES = 1000
NOTE = r"[A-Za-z0-9_-]{1,24}"
"""The form of our own notes."""


def _note() -> str:
    return secrets.token_urlsafe(12)


def _token() -> str:
    return secrets.token_urlsafe(18)


class Invite(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bot = models.ForeignKey(Agent, models.CASCADE, related_name="invites")
    name = models.CharField(max_length=LONGEST_NAME, help_text="Only its maker sees it.")
    uses = models.PositiveIntegerField(default=1)
    seed = models.BinaryField(max_length=32, help_text="The code's secret: whoever has it can come in.")
    code_id = models.CharField(
        max_length=64, unique=True, help_text="The id of the code's own key, by which the pub knows it."
    )
    note = models.CharField(
        max_length=24,
        unique=True,
        default=_note,
        help_text="What the pub publishes about it; it reveals nothing.",
    )
    token = models.CharField(
        max_length=32, unique=True, default=_token, help_text="The secret part of the URL of its page."
    )
    key = models.UUIDField(
        null=True,
        unique=True,
        editable=False,
        help_text="From whoever asked for it: if asked twice, it is made once.",
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened_on = models.DateField(
        null=True, blank=True, help_text="The day (UTC) on which the bot's open page offers it to everybody."
    )
    offered_at = models.DateTimeField(
        null=True, blank=True, help_text="When the pub accepted it; until then nobody is shown it."
    )
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="When the pub was seen to have forgotten it."
    )

    class Meta:
        indexes = [
            models.Index(fields=["bot", "created_at"], name="invites_of_a_bot"),
            models.Index(
                fields=["revoked_at"],
                name="invites_to_revoke",
                condition=models.Q(withdrawn_at=None, revoked_at__isnull=False),
            ),
            models.Index(
                fields=["expires_at"],
                name="invites_to_end",
                condition=models.Q(withdrawn_at=None, expires_at__isnull=False),
            ),
            models.Index(
                fields=["created_at"],
                name="invites_unfinished",
                condition=models.Q(offered_at=None),
            ),
        ]


class InviteUse(models.Model):
    """One use, as recorded in message `sequence` of the pub's own feed."""

    invite = models.ForeignKey(Invite, models.CASCADE, related_name="used")
    sequence = models.PositiveBigIntegerField()
    ssb_id = models.CharField(max_length=64)
    name = models.CharField(
        max_length=LONGEST_NAME, blank=True, default="", help_text="Their profile's, as far as the pub knows."
    )
    at = models.DateTimeField()
    messages = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="How many messages of theirs the pub has."
    )
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the pub last heard of them.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invite", "sequence"], name="a_use_is_noted_once"),
        ]
        indexes = [models.Index(fields=["ssb_id"], name="uses_by_guest")]


class Listing(models.Model):
    """Whether a bot has a public page, and how many it invites there; without a row it has one and invites nobody."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="listing")
    public = models.BooleanField(default=True)
    invites_a_day = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many people a day may join through its public page."
    )


class FeedState(models.Model):
    """What a bot's own feed has said: how far it was read, and what it has said of itself since
    `profile_sequence`.

    Also the release on which its pub was told of its invites.
    """

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="feed_state")
    sequence = models.PositiveBigIntegerField(default=0)
    name = models.CharField(max_length=80, blank=True, default="")
    description = models.TextField(blank=True, default="")
    profile_sequence = models.PositiveBigIntegerField(default=0)
    release = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The release on which its pub was last told of all its invites.",
    )

    class Meta:
        db_table = "invites_told"
