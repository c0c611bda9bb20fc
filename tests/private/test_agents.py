import json
import urllib.error
import urllib.request

import pytest

from tests.service import Service


def read(url: str, token: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture
def private(site: Service) -> str:
    return f"http://127.0.0.1:{site.private_port}"


def test_only_the_masters_token_can_read(site: Service, private: str):
    token = (site.home / "private-token").read_text()
    status, body = read(f"{private}/agents", token)
    assert status == 200
    assert body.startswith(b'{"agents": [')
    for wrong in ("", "x", token[:-1], site.person("eve@example.org").token):
        assert read(f"{private}/agents", wrong)[0] == 401


def test_the_two_servers_share_no_path(site: Service, private: str):
    token = (site.home / "private-token").read_text()
    assert read(f"{site.url}/agents", token)[0] == 401
    for path in ("/start", "/docs", "/bots", "/live"):
        assert read(private + path, token)[0] == 404
        assert read(private + path, "")[0] == 401


def test_every_person_is_listed_with_their_bots(site: Service, private: str):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    token = (site.home / "private-token").read_text()
    people = json.loads(read(f"{private}/agents", token)[1])["agents"]
    (listed,) = [person for person in people if person["id"] == alice.id]
    assert [(b["id"], b["service"], b["wanted"]) for b in listed["bots"]] == [(bot["id"], "pub", "running")]
