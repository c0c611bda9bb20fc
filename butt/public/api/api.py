"""The operations of the JSON API."""

import json
import uuid
from functools import cached_property
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Status
from ninja.openapi.schema import OpenAPISchema
from ninja.responses import NinjaJSONEncoder

from butt.agents import actions
from butt.agents.bots import bot_by_id, bots_of
from butt.agents.limits import set_limits
from butt.agents.models import Belongs, Role
from butt.agents.states import Action
from butt.agents.view import View
from butt.billing.chosen import billing
from butt.public.api import authentication, exports, imports
from butt.public.api.bearer import Bearer, bot_of_caller, caller
from butt.public.api.copies import router as copies
from butt.public.api.errors import handle_errors
from butt.public.api.invites import router as invites
from butt.public.api.payer import router as payer
from butt.public.api.peers import router as peers
from butt.public.api.people import router as people
from butt.public.api.samples import RangeName, Samples, samples_shape
from butt.public.api.shapes import (
    REFUSALS,
    AgentChange,
    Agents,
    AgentShape,
    AllBelongs,
    Error,
    NewAgent,
    agent_shape,
)
from butt.public.api.vault import router as vault
from butt.services.interface import ACTIONS_IN_WORDS
from butt.sources.actions import ALL_ACTIONS


class PublicApi(NinjaAPI):
    """Documents the errors that any operation may return: a missing token, one without the scope, a body that is
    not JSON, or one that does not match the document.

    The document is generated once. That takes a fifth of a second, and anybody may ask for it.
    """

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:  # noqa: ARG002 - we give it under one path
        return self._document

    @cached_property
    def _document(self) -> OpenAPISchema:
        schema = super().get_openapi_schema()
        error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        for methods in schema["paths"].values():
            for call in methods.values():
                answers = call["responses"]
                if "requestBody" in call:
                    answers.setdefault(400, {"description": "The body is not JSON.", "content": error})
                if "requestBody" in call or call.get("parameters"):
                    answers.setdefault(
                        422, {"description": "A value is not as described here.", "content": error}
                    )
                if "security" in call:
                    answers.setdefault(401, {"description": "There is no valid token.", "content": error})
                    answers.setdefault(403, {"description": "The token lacks the scope.", "content": error})
        return schema

    @cached_property
    def document(self) -> bytes:
        """As JSON."""
        return json.dumps(self._document, cls=NinjaJSONEncoder).encode()


def described(_request: HttpRequest) -> HttpResponse:
    """Replaces ninja's own view, which generates the document each time and blocks everybody meanwhile."""
    return HttpResponse(api.document, content_type="application/json")


api = PublicApi(
    title="Butt as a Service",
    version="1",
    description="Your Secure Scuttlebutt bots, over JSON.",
    auth=Bearer(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="api",
)
handle_errors(api)
api.add_router("", invites)
api.add_router("", peers)
api.add_router("", payer)
api.add_router("", people)
api.add_router("", vault)
api.add_router("", copies)
api.add_router("/authentication", authentication.router)

WIRE: dict[str, Any] = {"exclude_unset": True, "by_alias": True}
PLAIN: dict[str, Any] = {"tags": ["agents"], **WIRE}


@api.get("/agents", response={200: Agents, 401: Error}, **PLAIN)
def agents(request: HttpRequest) -> Any:
    """The person and their bots."""
    person = caller(request)
    return {"agents": [agent_shape(View(agent)) for agent in [person, *bots_of(person)]]}


@api.post("/agents", response={201: AgentShape, 402: Error, **REFUSALS}, **PLAIN)
def create_agent(request: HttpRequest, body: NewAgent) -> Any:
    """Create a bot; it starts as `#new` and becomes `#alive` by itself."""
    billing().check_may_add(caller(request))
    bot = actions.create_bot(
        caller(request),
        body.name,
        service=body.service,
        description=body.description,
        network=body.network,
    )
    return Status(201, agent_shape(View(bot)))


# Must come before the path that accepts any word as an id.
api.post("/agents/import", **imports.IMPORT)(imports.import_agent)


@api.get("/agents/{agent_id}", response={200: AgentShape, **REFUSALS}, **PLAIN)
def agent(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """One of the person's bots, or the person."""
    person = caller(request)
    return agent_shape(View(person if agent_id == person.id else bot_by_id(person, agent_id, Role.MODERATOR)))


@api.patch("/agents/{agent_id}", response={200: AgentShape, **REFUSALS}, **PLAIN)
def change_agent(request: HttpRequest, agent_id: uuid.UUID, body: AgentChange) -> Any:
    """Change a bot's description, limits, hops and room mode, and whether it announces its address."""
    # Its description is shown with its invites, which moderators look after.
    least = Role.MODERATOR if body.model_fields_set <= {"description"} else Role.OWNER
    person, bot = bot_of_caller(request, agent_id, least)
    with transaction.atomic():
        if body.description is not None:
            actions.describe(person, bot, body.description)
        if body.announced is not None:
            actions.announce(person, bot, announced=body.announced)
        if body.limits is not None:
            set_limits(person, bot, body.limits.model_dump(exclude_unset=True))
        if body.roomMode is not None:
            actions.set_room_mode(person, bot, body.roomMode)
        if body.hops is not None:
            actions.set_hops(person, bot, body.hops)
    return agent_shape(View(bot))


@api.delete("/agents/{agent_id}", response={202: AgentShape, **REFUSALS}, **PLAIN)
def delete_agent(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Stop the bot at once and delete it after the grace period, during which it can be restored."""
    return Status(202, _ask(request, agent_id, Action.DELETE))


def _add_action(action: Action, summary: str) -> None:
    @api.post(
        f"/agents/{{agent_id}}/{action}",
        response={202: AgentShape, **REFUSALS},
        **PLAIN,
        operation_id=f"{action}_agent",
        summary=summary,
    )
    def ask(request: HttpRequest, agent_id: uuid.UUID) -> Any:
        return Status(202, _ask(request, agent_id, action))


for name, words in ACTIONS_IN_WORDS.items():
    if name != Action.DELETE:
        _add_action(Action(name), words)


@api.get("/belongs", response={200: AllBelongs, 401: Error}, **PLAIN)
def belongs(request: HttpRequest) -> Any:
    """Which of the person's bots belongs to whom: people who share a bot see each other."""
    rows = Belongs.objects.filter(source_agent__belongs_to__target_agent=caller(request)).order_by("id")
    return {"belongs": rows}


@api.get("/agents/{agent_id}/samples", response={200: Samples, **REFUSALS}, **PLAIN)
def samples(request: HttpRequest, agent_id: uuid.UUID, range: RangeName = "1h") -> Any:  # noqa: A002
    """What was seen of a bot over time."""
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    return samples_shape(bot, range)


api.add_router("", exports.router)
api.add_router("", imports.router)


def _ask(request: HttpRequest, agent_id: uuid.UUID, action: Action) -> dict[str, Any]:
    person, bot = bot_of_caller(request, agent_id)
    ALL_ACTIONS[action](person, bot)
    return agent_shape(View(bot))
