"""Text that no database can store: half a surrogate pair, NUL, invalid UTF-8. It is refused in words
everywhere.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from butt.accounts.tokens import issue_token
from butt.agents.states import State
from butt.public.api.api import api
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db

STRANGE = ["\ud800", "\udfff x", "a\0b"]
WHOLE: dict[str, Any] = {
    "email": "somebody@example.org",
    "password": PASSWORD,
    "name": "somebody",
    "code": "123456",
    "type": "bot",
    "service": "pub",
    "description": "words",
    "uses": 1,
}


def bodies() -> Iterator[tuple[str, str, str]]:
    """Each text field of each call: its method, path and name."""
    document = api.get_openapi_schema()
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            content = call.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                shape = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                yield from (
                    (method, path, name) for name, of in shape["properties"].items() if "string" in str(of)
                )


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
@pytest.mark.parametrize(("method", "path", "name"), list(bodies()))
def test_every_text_field_of_the_api_refuses_it(method: str, path: str, name: str, strange: str):
    alice = account("alice")
    alice.emailaddress_set.update(verified=True)
    bot = bot_in(State.ALIVE, alice.agent)
    client = Client(headers={"Authorization": f"Bearer {issue_token(alice)}"}, raise_request_exception=False)
    document = api.get_openapi_schema()
    content = document["paths"][path][method]["requestBody"]["content"]["application/json"]
    shape = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    body = {field: WHOLE[field] for field in shape["properties"] if field in WHOLE}
    for given in ({**body, name: strange}, {**body, strange: "x"}):
        answer = client.generic(
            method.upper(), path.format(agent_id=bot.id), json.dumps(given), "application/json"
        )
        assert answer.status_code == 422, answer.content
        assert answer.json()["error"]["message"]


def test_the_api_has_text_fields():
    assert {("post", "/authentication/sign-in", "password"), ("post", "/agents", "description")} <= set(
        bodies()
    )


@pytest.mark.parametrize("strange", [b"\xed\xa0\x80", b"\xff", b"a%00b", b"%ED%A0%80"])
def test_no_form_or_path_answers_500(strange: bytes):
    alice = account("alice")
    bot_in(State.ALIVE, alice.agent)
    client = Client(raise_request_exception=False)
    form = "application/x-www-form-urlencoded"
    for path, fields in (
        ("/start", (b"email", b"password")),
        ("/password", (b"email",)),
        ("/bots/new", (b"bot",)),
        ("/account", (b"name",)),
        ("/bots/my/people", (b"email",)),
        ("/bots/my/invites/new", (b"name",)),
        ("/bots/my/listing", (b"description",)),
        ("/account/password", (b"oldpassword", b"password1", b"password2")),
        ("/account/tokens/new", (b"name",)),
        ("/account/again", (b"password",)),
    ):
        body = b"&".join(field + b"=" + strange for field in fields)
        for who in (client, signed_in(alice)):
            assert who.post(path, body, form).status_code < 500, path
    text = strange.decode("latin-1")
    for path in (
        f"/bots/{text}",
        f"/join/{text}",
        f"/@{text}",
        f"/start?next={text}",
        f"/name?name={text}",
        "/live",
    ):
        for who in (client, signed_in(alice)):
            assert (
                who.get(path, {"bot": text}, headers={"Authorization": f"Bearer {text}"}).status_code < 500
            ), path


def signed_in(who: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(who)
    return client


@pytest.mark.parametrize(
    "credential",
    [
        '{"id": "\\ud800"}',
        '{"id": "x", "rawId": "x", "type": "public-key", "response": {"clientDataJSON": "\\ud800"}}',
        '{"id": 1, "rawId": 2, "type": 3, "response": 4}',
        "{}",
        "[]",
        "1",
        "null",
        "[" * 100_000,
        "no JSON",
    ],
)
def test_no_invalid_passkey_answers_500(credential: str):
    alice = account("alice")
    client = signed_in(alice)
    client.post("/account/again", {"password": PASSWORD})
    stranger = Client(raise_request_exception=False)
    stranger.get("/start/passkey", headers={"X-Requested-With": "XMLHttpRequest"})
    said = {"credential": credential, "name": "x", "code": "1"}
    assert stranger.post("/start/passkey", said).status_code < 500
    for path in ("/account/again/passkey", "/account/factors/passkeys/new", "/start/code"):
        client.get(path)
        assert client.post(path, said).status_code < 500, path
