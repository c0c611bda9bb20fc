"""Other pubs that bots should join, where bots announced themselves, and what they were told of their rooms.

People write `OtherPub`; the monitor writes its result, `ToldRoom` and `Announced`.
"""

import uuid

from django.db import models
from django.db.models.functions import Now

from butt.agents.models import Agent
from scuttlekit import Address

LONGEST_TROUBLE = 300


class OtherPub(models.Model):
    """Another pub that the bot should join with its invite, or connect with at its address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bot = models.ForeignKey(Agent, models.CASCADE, related_name="other_pubs")
    address = models.CharField(max_length=500, help_text="Where it is, as a multiserver address.")
    code = models.CharField(
        max_length=500, blank=True, default="", help_text="Its invite, until that was used: it is a secret."
    )
    asked_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(
        max_length=LONGEST_TROUBLE, blank=True, default="", help_text="Why it did not work, in words."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "address"], name="another_pub_is_joined_once"),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"],
                name="pubs_to_join",
                condition=models.Q(done_at=None, trouble=""),
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def place(self) -> str:
        """Its host and port, which are enough for people."""
        address = Address.parse(self.address)
        return f"{address.host}:{address.port}"


class ToldRoom(models.Model):
    """What the bot's pub was last told of its room. The pub keeps it over restarts."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="told_room")
    mode = models.CharField(max_length=10)
    aliases_at = models.CharField(max_length=300, blank=True, help_text="Where the pages of aliases are.")


class Announced(models.Model):
    """The address that the bot's own feed gives."""

    bot = models.OneToOneField(Agent, models.CASCADE, primary_key=True, related_name="said_where")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    sequence = models.PositiveBigIntegerField()
