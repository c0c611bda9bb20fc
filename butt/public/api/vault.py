"""What the vault has of a bot, and restoring a bot whose data is gone."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Status

from butt.agents.models import Role
from butt.agents.view import View
from butt.public.api.bearer import bot_of_caller
from butt.public.api.shapes import REFUSALS, AgentShape, Error, Shape, agent_shape
from butt.vault.asking import ask_back, known_copy_of
from butt.vault.models import Vaulted

router = Router(by_alias=True)


class VaultShape(Shape):
    """Sizes in bytes. `behind` is how much of its log is not in the vault; `lostAt` is when its data was
    found to be gone.
    """

    size: int
    behind: int
    behindSince: datetime | None
    seenAt: datetime | None = Field(validation_alias="looked_at")
    trouble: str
    checkedAt: datetime | None
    sound: bool | None
    lostAt: datetime | None
    comesBack: bool
    reason: str = Field(validation_alias="back_words")

    @staticmethod
    def resolve_comes_back(row: Vaulted) -> bool:
        return bool(row.back)


@router.get("/agents/{agent_id}/vault", response={200: VaultShape, 401: Error, 404: Error, 409: Error})
def vault(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """How up to date its copy in the vault is. 409 if this service has no vault."""
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    return known_copy_of(bot)


@router.post("/agents/{agent_id}/come-back", response={202: AgentShape, **REFUSALS}, exclude_unset=True)
def come_back(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Bring back a bot whose data is gone, from its copy in the vault. It publishes nothing until it has caught up."""
    person, bot = bot_of_caller(request, agent_id)
    ask_back(person, bot)
    return Status(202, agent_shape(View(bot)))
