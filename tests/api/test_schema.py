"""The whole OpenAPI document is called at random: no 500, nothing undocumented, and nothing of another
person's.

The seed is always the same, so that a failure happens again.
"""

import asyncio
import threading
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.states import State
from butt.public.api.api import api
from butt.public.uploads import Incoming
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db


class Application(WSGIHandler):
    """Like the service's own handler: what is too big for memory comes as a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        async def receive() -> Any:
            return {"type": "http.request", "body": environ["wsgi.input"].read(), "more_body": False}

        size = int(environ.get("CONTENT_LENGTH") or 0)
        return super().__call__(
            {**environ, "butt.incoming": Incoming(receive, self.loop, size)}, start_response
        )


schema = schemathesis.openapi.from_dict(api.get_openapi_schema(path_prefix=""))
schema.app = Application()
schemathesis.serializer.alias("application/x-tar", "application/octet-stream")
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(params=["a stranger", "the person", "another person"])
def caller(request: pytest.FixtureRequest) -> tuple[dict[str, str], list[str]]:
    """The headers of a call, and what its answer must not contain."""
    alice, bob = account("alice"), account("bob")
    bots = {
        who: bot_in(State.ALIVE, who.agent, f"the-bot-of-{who.agent.name.lower()}") for who in (alice, bob)
    }
    request.node.bot_id = str(bots[alice].id)

    def of(who: Account) -> list[str]:
        return [str(bots[who].id), bots[who].name, bots[who].progress.ssb_id, who.email, str(who.agent.id)]

    if request.param == "a stranger":
        return {}, [*of(alice), *of(bob)]
    mine, theirs = (alice, bob) if request.param == "the person" else (bob, alice)
    return {"Authorization": f"Bearer {issue_token(mine)}"}, of(theirs)


@schema.parametrize()
@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_call_answers_as_described_and_reveals_nothing_of_others(
    case: Any, caller: tuple[dict[str, str], list[str]], request: pytest.FixtureRequest
):
    headers, hidden = caller
    if "agent_id" in (case.path_parameters or {}):
        case.path_parameters["agent_id"] = request.node.bot_id
    asked = f"{case.body} {case.query}"
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code < 500 or answer.status_code == 503, (
        "only a bot or a machine that is away may be at fault"
    )
    assert not [
        text for text in hidden if text in answer.text and text not in asked and text != request.node.bot_id
    ]


def test_the_document_is_made_only_once() -> None:
    assert api.get_openapi_schema() is api.get_openapi_schema(path_params={})
