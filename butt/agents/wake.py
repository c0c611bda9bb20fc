"""Waking the steward: it next looks at the bots whose `due_at` has passed."""

import uuid

from django.utils import timezone

from butt.agents.models import Progress


def wake_steward(*bot_ids: uuid.UUID) -> None:
    """Have the steward look at these bots now. Calling it twice does no harm."""
    Progress.objects.filter(bot_id__in=bot_ids).update(due_at=timezone.now())
