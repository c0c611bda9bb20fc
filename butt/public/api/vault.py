"""What the vault has of a bot, and restoring a bot whose data is gone."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status

from butt.agents.bots import bot_by_id
from butt.agents.models import Role
from butt.agents.view import View
from butt.public.api.bearer import caller
from butt.public.api.shapes import REFUSALS, AgentShape, Error, agent_shape
from butt.vault.asking import ask_back, known_copy_of

router = Router()
WIRE: dict[str, Any] = {"by_alias": True, "exclude_unset": True}


class VaultShape(Schema):
    """Sizes in bytes. `behind` is how much of its log is not in the vault; `lostAt` is when its data was
    found to be gone.
    """

    size: int
    behind: int
    behindSince: datetime | None
    seenAt: datetime | None
    trouble: str
    checkedAt: datetime | None
    sound: bool | None
    lostAt: datetime | None
    comesBack: bool
    reason: str


@router.get("/agents/{agent_id}/vault", response={200: VaultShape, 401: Error, 404: Error, 409: Error})
def vault(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """How up to date its copy in the vault is. 409 if this service has no vault."""
    copy = known_copy_of(bot_by_id(caller(request), agent_id, Role.MODERATOR))
    return {
        "size": copy.size,
        "behind": copy.behind,
        "behindSince": copy.behind_since,
        "seenAt": copy.looked_at,
        "trouble": copy.trouble,
        "checkedAt": copy.checked_at,
        "sound": copy.sound,
        "lostAt": copy.lost_at,
        "comesBack": bool(copy.back),
        "reason": copy.back_words,
    }


@router.post("/agents/{agent_id}/come-back", response={202: AgentShape, **REFUSALS}, **WIRE)
def come_back(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Bring back a bot whose data is gone, from its copy in the vault. It publishes nothing until it has caught up."""
    person = caller(request)
    bot = bot_by_id(person, agent_id)
    ask_back(person, bot)
    return Status(202, agent_shape(View(bot)))
