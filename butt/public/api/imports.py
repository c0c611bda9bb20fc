"""Importing a pub from elsewhere as a bot."""

import uuid
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Status

from butt.agents.view import View
from butt.billing.chosen import billing
from butt.imports.catchup import say_caught_up
from butt.imports.receiving import Receiving
from butt.public.api.bearer import bot_of_caller, caller
from butt.public.api.shapes import AgentShape, Error, agent_shape
from butt.public.uploads import incoming

router = Router(tags=["imports"], by_alias=True, exclude_unset=True)
TAR = {"content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
ERRORS: dict[Any, Any] = {401: Error, 402: Error, 408: Error, 409: Error, 413: Error, 422: Error, 507: Error}


class ImportedShape(AgentShape):
    leftOut: int = Field(description="How many entries of gossip.json could not be used, and were left out.")


IMPORT: dict[str, Any] = {
    "response": {201: ImportedShape, **ERRORS},
    "openapi_extra": {"requestBody": TAR},
    "url_name": "import-agent",
    "tags": ["imports"],
}
Name = Annotated[str, Query(max_length=200, description="The bot's name.")]
Network = Annotated[
    str,
    Query(
        max_length=100,
        description="Its network: `main`, `oasis` or a key in base64. Left out: what its export says, else `main`.",
    ),
]
Stopped = Annotated[
    Literal["for-good"],
    Query(description="Confirms that the old pub is stopped and will never be started again."),
]


def import_agent(request: HttpRequest, name: Name, stopped: Stopped, network: Network = "") -> Any:
    """Import a tar of a pub's data folder as a bot. The bot publishes nothing until it has all its own messages."""
    billing().check_may_add(caller(request))
    body = incoming(request)
    is_stopped = stopped == "for-good"
    with Receiving(caller(request), name, stopped=is_stopped, network=network, size=body.size) as receiving:
        for chunk in body.chunks():
            receiving.feed(chunk)
        bot = receiving.bot()
        return Status(201, {**agent_shape(View(bot)), "leftOut": receiving.left_out})


@router.post("/agents/{agent_id}/caught-up", response={202: AgentShape, 401: Error, 404: Error, 409: Error})
def caught_up(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Confirm that there are no newer messages of the bot's own, if no peer that has them can be reached."""
    person, bot = bot_of_caller(request, agent_id)
    say_caught_up(person, bot)
    return Status(202, agent_shape(View(bot)))
