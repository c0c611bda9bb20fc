"""Sign in with Scuttlebutt: only the app's own signature over both challenges and both ids is a solution."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import Address, KeyPair, parse_uri
from scuttlekit.http_auth import is_challenge, is_solution, new_challenge, solve, start_uri
from tests.scuttlekit.peers import few

keys = st.binary(min_size=32, max_size=32).map(KeyPair)
challenges = st.binary(min_size=32, max_size=32).map(lambda data: base64.b64encode(data).decode())
anything = st.none() | st.integers() | st.text(max_size=120) | st.lists(st.text(max_size=5), max_size=3)


@few
@given(keys, keys, challenges, challenges)
def test_an_apps_signature_is_a_solution(server, app, sc, cc):
    assert is_solution(server.id, app.id, sc, cc, solve(app, server.id, sc, cc))


@few
@given(
    st.lists(keys, min_size=3, max_size=3, unique=True),
    st.lists(challenges, min_size=3, max_size=3, unique=True),
)
def test_a_solution_is_valid_for_one_server_one_app_and_its_challenges(three, challenges):
    (server, app, other), (sc, cc, odd) = three, challenges
    solution = solve(app, server.id, sc, cc)
    assert not is_solution(other.id, app.id, sc, cc, solution)
    assert not is_solution(server.id, other.id, sc, cc, solution)
    assert not is_solution(server.id, app.id, odd, cc, solution)
    assert not is_solution(server.id, app.id, sc, odd, solution)
    assert not is_solution(server.id, app.id, cc, sc, solution)
    assert not is_solution(server.id, app.id, sc, cc, solve(other, server.id, sc, cc))


@few
@given(anything, anything, anything)
def test_invalid_solutions_are_only_wrong(app_id, cc, solution):
    server = KeyPair(b"s" * 32)
    assert not is_solution(server.id, app_id, new_challenge(), cc, solution)


def test_a_signature_with_extra_text_is_not_a_solution():
    server, app, sc, cc = KeyPair(b"s" * 32), KeyPair(b"a" * 32), new_challenge(), new_challenge()
    solution = solve(app, server.id, sc, cc)
    for odd in (f" {solution}", f"{solution}\n", solution.removesuffix(".sig.ed25519"), solution * 2):
        assert not is_solution(server.id, app.id, sc, cc, odd)


def test_a_challenge_has_256_bits_and_one_spelling():
    assert is_challenge(new_challenge())
    assert new_challenge() != new_challenge()
    for odd in (
        None,
        7,
        "",
        "x",
        "A" * 44,
        "A" * 43 + "=\n",
        base64.b64encode(b"x" * 31).decode(),
        "AA" * 2000,
    ):
        assert not is_challenge(odd)
    assert is_challenge("A" * 43 + "=")
    assert not is_challenge("A" * 42 + "B="), "bits that nobody reads are not zero"


@few
@given(keys, challenges)
def test_the_link_says_where_and_what_to_solve(server, sc):
    address = Address("pub.example.org", 8008, server.id)
    uri = parse_uri(start_uri(address, sc))
    assert uri.kind == "experimental"
    assert uri.query == {
        "action": "start-http-auth",
        "sid": server.id,
        "sc": sc,
        "multiserverAddress": address.multiserver,
    }
