"""ssb-http-auth-client, the module by which apps sign in, against the pub."""

from urllib.parse import parse_qs, urlsplit

import pytest

from scuttlekit import Address, KeyPair, RemoteError
from scuttlekit.http_auth import is_solution, new_challenge, solve, start_uri
from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.pub.pubs import Client, Pub
from tests.pub.test_rights import dialled


@pytest.fixture
def alice(make_app: MakeApp, pub: Pub) -> App:
    app = make_app("manyverse", "alice")
    app("connect", pub.address, pub.id)
    return app


def test_an_app_solves_a_pages_challenge_only_once(pub: Pub, client: Client, alice: App):
    sc = new_challenge()
    uri = start_uri(Address.parse(pub.address), sc)
    assert alice("signsInBy", uri) is False, "nobody made this challenge"
    assert client.call(pub, "butt.challenge", sc) is True
    assert client.call(pub, "butt.solution", sc) is None
    assert alice("signsInBy", uri) is True
    assert alice("signsInBy", uri) is False
    told = client.call(pub, "butt.solution", sc)
    assert told["id"] == alice.id
    assert is_solution(pub.id, alice.id, sc, told["cc"], told["solution"])


def test_a_sign_in_that_an_app_started_is_confirmed_by_it(pub: Pub, client: Client, alice: App):
    query = parse_qs(urlsplit(alice("signInUrl", pub.id)).query)
    (cid,), (cc,) = query["cid"], query["cc"]
    assert (query["ssb-http-auth"], cid) == (["1"], alice.id)
    sc = new_challenge()
    assert client.call(pub, "butt.requestSolution", client.generate()["id"], sc, cc) == "away"
    assert client.call(pub, "butt.requestSolution", alice.id, sc, new_challenge()) == "refused", (
        "it made another"
    )
    assert client.call(pub, "butt.requestSolution", alice.id, sc, cc) == "solved"
    told = client.call(pub, "butt.solution", sc)
    assert (told["id"], told["cc"]) == (alice.id, cc)
    assert is_solution(pub.id, alice.id, sc, cc, told["solution"])


def test_an_app_ends_all_sessions_that_it_started(pub: Pub, client: Client, alice: App):
    sc = new_challenge()
    client.call(pub, "butt.challenge", sc)
    alice("signsInBy", start_uri(Address.parse(pub.address), sc))
    assert alice("signsOut", pub.id) is True
    (told,) = client.call(pub, "butt.signOuts", count=1)
    assert told["id"] == alice.id
    with pytest.raises(RuntimeError, match="not known"):
        client.call(pub, "butt.solution", sc)


async def test_nobody_can_solve_for_another_or_with_an_invites_key(pub: Pub, client: Client):
    ann, mallory, key = (KeyPair(letter * 32) for letter in (b"a", b"m", b"k"))
    client.call(pub, "butt.offer", {"id": key.id, "uses": 9, "note": "n", "expires": None})
    sc, cc = new_challenge(), new_challenge()
    client.call(pub, "butt.challenge", sc)
    of_ann = solve(ann, pub.id, sc, cc)
    async with dialled(pub, mallory) as peer:
        assert await peer.call("httpAuth.sendSolution", sc, cc, of_ann) is False
        for odd in (None, {}, [], "x" * 2000):
            assert await peer.call("httpAuth.sendSolution", odd, odd, odd) is False
        with pytest.raises(RemoteError):
            await peer.call("butt.solution", sc)
    async with dialled(pub, key) as peer:
        assert await peer.call("httpAuth.sendSolution", sc, cc, solve(key, pub.id, sc, cc)) is False
    async with dialled(pub, ann) as peer:
        assert await peer.call("httpAuth.sendSolution", sc, cc, of_ann) is True
