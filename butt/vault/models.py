"""What is known about each bot's copy in the vault. The sender writes the figures; the steward's side writes everything else."""

from django.db import models


class ReturnStep(models.TextChoices):
    """How far a bot has come on its way back from the vault."""

    ASKED = "asked"
    PLACED = "placed"


class Vaulted(models.Model):
    """One bot's copy. The row outlives the bot, until nothing of the copy is left. Sizes in bytes."""

    bot_id = models.UUIDField(primary_key=True, editable=False)
    size = models.PositiveBigIntegerField(default=0, help_text="How much all of it takes there, encrypted.")
    things = models.PositiveIntegerField(default=0, help_text="How many objects it is.")
    behind = models.PositiveBigIntegerField(
        default=0, help_text="How much of its log was not there when last checked."
    )
    behind_since = models.DateTimeField(null=True, help_text="Since when some of its log is not there.")
    looked_at = models.DateTimeField(
        null=True, help_text="When its folder was last compared with what was sent."
    )
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="Why something is not sent.")
    lost_at = models.DateTimeField(
        null=True, help_text="When its pub said that its data is gone, or too old."
    )
    lost_code = models.PositiveSmallIntegerField(
        default=0, help_text="The exit code of its pub at that time."
    )
    back = models.CharField(
        max_length=6,
        choices=ReturnStep,
        blank=True,
        default="",
        help_text="How far it has been restored; empty if no restore is under way.",
    )
    back_by = models.CharField(
        max_length=300, blank=True, default="", help_text="Who asked for that, as the journal names them."
    )
    ran = models.BooleanField(default=True, help_text="Whether it should run again once it is back.")
    back_words = models.CharField(
        max_length=500, blank=True, default="", help_text="Why it did not come back, in words."
    )
    checked_at = models.DateTimeField(null=True, help_text="When all of it was last read back and checked.")
    sound = models.BooleanField(null=True, help_text="Whether that went well.")
    check_words = models.CharField(max_length=300, blank=True, default="", help_text="What was found then.")
    gone_at = models.DateTimeField(null=True, help_text="When the bot itself was removed for good.")

    class Meta:
        verbose_name = "copy in the vault"
        verbose_name_plural = "copies in the vault"

    def __str__(self) -> str:
        return f"copy of {self.bot_id}"
