"""`GET /agents`: every person with their machines and bots, as wanted."""

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from butt.agents.bots import bots, ownerships
from butt.agents.models import Agent
from butt.agents.view import View
from butt.machines.models import Machine


@require_safe
def agents(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    views = {bot.id: View(bot) for bot in bots()}
    theirs: dict[Any, list[View]] = defaultdict(list)
    for row in ownerships().filter(source_agent__in=views):
        theirs[row.target_agent_id].append(views[row.source_agent_id])
    machines: dict[Any, list[str]] = defaultdict(list)
    for person_id, minion_id in Machine.objects.order_by("created_at").values_list("person_id", "minion_id"):
        machines[person_id].append(minion_id)
    people = Agent.objects.filter(type=Agent.Type.PERSON).order_by("created_at")
    return JsonResponse(
        {
            "agents": [
                {
                    "id": person.id,
                    "machines": machines[person.id],
                    "bots": [_bot(view) for view in theirs[person.id]],
                }
                for person in people
            ]
        }
    )


def _bot(view: View) -> dict[str, Any]:
    return {
        "id": view.agent.id,
        "service": view.agent.service,
        "network": view.network,
        "wanted": view.wanted,
        "state": view.state,
        "release": view.release,
        "port": view.agent.progress.port,
        "ssbId": view.ssb_id,
    }
