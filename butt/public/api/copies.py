"""One's own copies, over the API: where they go, and asking for one now. A token needs the scope `secrets`."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Status

from butt.copies import actions
from butt.copies.actions import CopyPlace
from butt.public.api.bearer import bot_of_caller
from butt.public.api.shapes import REFUSALS, Body, Error, Shape

router = Router()


class NewPlace(Body):
    kind: str = Field(description="`s3` or `webdav`.")
    url: str = Field(description="The endpoint of S3, or a folder at a WebDAV server, which must exist.")
    key: str = Field(description="The public age key that each copy is sealed for.")
    bucket: str = ""
    region: str = ""
    user: str = ""
    secret: str = Field("", description="Empty: keep the one that is known for the same place.")
    nightly: bool = True


class OwnCopyShape(Shape):
    kind: str
    url: str
    bucket: str
    region: str
    user: str
    key: str
    nightly: bool
    doneAt: datetime | None
    size: int
    failingSince: datetime | None
    trouble: str


@router.get("/agents/{agent_id}/copy", response={200: OwnCopyShape, **REFUSALS})
def own_copy(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Where copies go, and how the last copy went. The secret is not included."""
    _, bot = bot_of_caller(request, agent_id)
    return actions.chosen_copy_of(bot)


@router.put("/agents/{agent_id}/copy", response={200: OwnCopyShape, **REFUSALS})
def choose_copy(request: HttpRequest, agent_id: uuid.UUID, body: NewPlace) -> Any:
    """Send copies there from now on, the first one at once."""
    return actions.choose(*bot_of_caller(request, agent_id), CopyPlace(**body.dict()))


@router.post("/agents/{agent_id}/copy", response={202: OwnCopyShape, **REFUSALS})
def copy_now(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Make a copy now."""
    return Status(202, actions.ask_now(*bot_of_caller(request, agent_id)))


@router.delete("/agents/{agent_id}/copy", response={204: None, 401: Error, 404: Error})
def end_copies(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Stop making copies. Existing copies stay where they are."""
    actions.end(*bot_of_caller(request, agent_id))
    return Status(204, None)
