import json
import uuid
from typing import Any

import pytest
from django.test import Client

from butt.accounts.models import AccessToken
from butt.accounts.tokens import issue_token
from butt.agents.models import Agent
from butt.agents.states import State
from tests.people import PASSWORD, account, bot_in, many_bots

pytestmark = pytest.mark.django_db


class Caller:
    def __init__(self, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = Client(headers=headers)

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = "" if body is None else json.dumps(body)
        answer = self.client.generic(method, path, data, content_type="application/json")
        return answer.status_code, answer.json() if answer.content else None


stranger = Caller()


def caller(name: str) -> tuple[Agent, Caller]:
    known = account(name)
    return known.agent, Caller(issue_token(known))


def test_registering_signing_in_and_reading_ones_own_agent():
    status, entry = stranger(
        "POST", "/authentication/register", {"email": "Alice@Example.org", "password": PASSWORD}
    )
    assert status == 201
    assert entry["agent"] | {"id": ""} == {
        "id": "",
        "type": "person",
        "name": "",
        "description": "",
        "service": "",
    }

    status, again = stranger(
        "POST", "/authentication/sign-in", {"email": "alice@example.ORG", "password": PASSWORD}
    )
    assert (status, again["agent"]["id"]) == (201, entry["agent"]["id"])

    assert Caller(again["accessToken"])("GET", "/agents") == (200, {"agents": [entry["agent"]]})


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"email": "alice@example.org", "password": PASSWORD}, 409, "email_taken", "email"),
        ({"email": "alice", "password": PASSWORD}, 422, "bad_email", "email"),
        ({"email": "bob@example.org", "password": "short"}, 422, "bad_password", "password"),
        ({"email": "bob@example.org", "password": "x" * 2000}, 422, "bad_password", "password"),
        ({"email": "bob@example.org", "password": PASSWORD, "name": "n" * 100}, 422, "bad_name", "name"),
        ({"email": "bob@example.org"}, 422, "bad_request", "password"),
        ([], 422, "bad_request", "body"),
    ],
)
def test_a_bad_registration_names_the_field(body: Any, status: int, code: str, field: str):
    account("alice")
    answered, answer = stranger("POST", "/authentication/register", body)
    assert answered == status, answer
    assert (answer["error"]["code"], answer["error"]["field"]) == (code, field)


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer():
    account("alice")
    wrong = stranger(
        "POST", "/authentication/sign-in", {"email": "alice@example.org", "password": "not this one"}
    )
    unknown = stranger(
        "POST", "/authentication/sign-in", {"email": "nobody@example.org", "password": PASSWORD}
    )
    assert wrong == unknown
    assert wrong[0] == 401


def test_an_access_token_is_stored_as_a_hash_and_expires():
    known = account("alice")
    token = issue_token(known)
    assert not AccessToken.objects.filter(digest__contains=token).exists()
    assert Caller(token)("GET", "/agents")[0] == 200
    AccessToken.objects.update(expires_at="2020-01-01T00:00Z")
    assert Caller(token)("GET", "/agents")[0] == 401


def test_a_bot_is_made_named_and_described():
    _, alice = caller("alice")
    status, bot = alice("POST", "/agents", {"type": "bot", "name": "My", "service": "pub"})
    assert (status, bot["name"], bot["state"], bot["wanted"]) == (201, "my", "new", "running")
    assert bot["status"] == {
        "alive": False,
        "uptime": None,
        "disk": None,
        "bandwidth": {"in": None, "out": None},
        "memory": None,
        "peers": None,
        "observedAt": None,
    }
    assert alice("POST", "/agents", {"type": "bot", "name": "my"})[0] == 409
    status, answer = alice("POST", "/agents", {"type": "bot", "name": "my pub"})
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (422, "bad_name", "name")
    status, changed = alice("PATCH", f"/agents/{bot['id']}", {"description": "For friends."})
    assert (status, changed["description"]) == (200, "For friends.")
    assert alice("GET", f"/agents/{bot['id']}")[1]["description"] == "For friends."


def test_belongs_ties_a_bot_to_its_person():
    person, alice = caller("alice")
    bot = bot_in(State.ALIVE, person)
    answer = {"belongs": [{"sourceAgentId": str(bot.id), "targetAgentId": str(person.id), "role": "owner"}]}
    assert alice("GET", "/belongs") == (200, answer)


def test_an_action_writes_what_is_wanted_and_a_forbidden_one_says_why():
    person, alice = caller("alice")
    bot = bot_in(State.ALIVE, person)
    status, answer = alice("POST", f"/agents/{bot.id}/stop")
    assert (status, answer["wanted"]) == (202, "stopped")
    status, answer = alice("POST", f"/agents/{bot.id}/restore")
    assert (status, answer["error"]["code"]) == (409, "wrong_state")
    assert "#stopping" in answer["error"]["message"]
    for _ in range(2):
        assert alice("DELETE", f"/agents/{bot.id}")[0] == 202
    assert alice("POST", f"/agents/{bot.id}/restore")[0] == 202


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/agents", {"type": "bot", "name": "mine", "descriptoin": "For friends."}),
        ("PATCH", "/agents/{id}", {"description": "", "descriptoin": "For friends."}),
        ("POST", "/agents/{id}/invites", {"name": "Bob", "descriptoin": "2031-01-01T00:00:00Z"}),
    ],
)
def test_a_misspelt_field_is_refused(method: str, path: str, body: Any):
    person, alice = caller("alice")
    bot = bot_in(State.ALIVE, person)
    status, answer = alice(method, path.format(id=bot.id), body)
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (422, "bad_request", "descriptoin")


CALLS = [
    ("GET", "/agents/{id}", None),
    ("PATCH", "/agents/{id}", {"description": "mine now"}),
    ("DELETE", "/agents/{id}", None),
    *[("POST", f"/agents/{{id}}/{action}", None) for action in ("start", "stop", "restart", "restore")],
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_nobody_can_see_or_change_anothers_bot(method: str, path: str, body: Any):
    person, _ = caller("alice")
    _, bob = caller("bob")
    theirs, none = bot_in(State.ALIVE, person), uuid.uuid4()
    assert bob(method, path.format(id=theirs.id), body)[0] == 404
    assert bob(method, path.format(id=theirs.id), body) == bob(method, path.format(id=none), body)
    assert stranger(method, path.format(id=theirs.id), body)[0] == 401
    assert bob("GET", f"/agents/{person.id}")[0] == 404
    assert "my" not in [agent["name"] for agent in bob("GET", "/agents")[1]["agents"]]
    assert bob("GET", "/belongs")[1] == {"belongs": []}


@pytest.mark.parametrize("token", ["", "x", "Bearer", "é" * 20, "a" * 5000])
def test_an_invalid_token_does_not_work(token: str):
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get("/agents")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "no_token"


def test_the_api_describes_itself():
    described = Client().get("/openapi.json").json()
    assert set(described["paths"]) >= {"/agents", "/agents/{agent_id}/restart", "/authentication/register"}
    page = Client().get("/docs")
    assert page.status_code == 200
    assert b"https://" not in page.content, "the docs page works without the rest of the internet"


def test_rubbish_gets_a_clear_answer():
    _, alice = caller("alice")
    answer = alice.client.generic("POST", "/agents", b"\xff{", content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]
    assert alice("GET", "/agents/not-an-id")[0] in (404, 422)
    assert alice("PUT", "/agents")[1]["error"]["code"] == "wrong_method"
    # Clients claim to accept anything; whether they also authenticate makes no difference here.
    for program in (Client(), Client(headers={"Accept": "*/*"})):
        assert program.get("/authentication/register").json()["error"]["code"] == "wrong_method"
    assert alice("POST", "/agents", {"type": "bot", "name": "x", "description": "y" * 5_000_000})[0] == 413
    for text in ("a\0b", "x" * 2001, "\x1b[31m"):
        status, answer = alice("POST", "/agents", {"type": "bot", "name": "my", "description": text})
        assert (status, answer["error"]["code"]) == (422, "bad_description")
    for path in ("register", "sign-in"):
        status, answer = stranger(
            "POST", f"/authentication/{path}", {"email": "a\0b@c.org", "password": PASSWORD}
        )
        assert (status, answer["error"]["code"]) == (422, "bad_email")
    assert alice("GET", "/nowhere") == (404, {"error": {"code": "not_found", "message": ANY_TEXT}})


class _AnyText:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    __hash__ = None  # type: ignore[assignment]


ANY_TEXT = _AnyText()


@pytest.mark.parametrize("count", [1, 100])
def test_the_number_of_queries_does_not_grow_with_the_bots(count: int, django_assert_num_queries: Any):
    person, alice = caller("alice")
    many_bots(person, count)
    alice("GET", "/agents")  # notes the use of the token, once a minute
    with django_assert_num_queries(2):
        assert len(alice("GET", "/agents")[1]["agents"]) == count + 1
