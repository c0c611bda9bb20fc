"""Challenges wait for a while and are solved once; a sign-out is reported, also to a service that was
away.
"""

import asyncio
from contextlib import aclosing

import pytest

from scuttlekit import KeyPair, RemoteError
from scuttlekit.http_auth import new_challenge, solve
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.sign_ins import Challenges, SignOuts

PUB, ALICE, BOB = (KeyPair(letter * 32) for letter in (b"p", b"a", b"b"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def solved(challenges: Challenges, sc: str, app: KeyPair = ALICE) -> bool:
    cc = new_challenge()
    return challenges.solve(app.id, sc, cc, solve(app, PUB.id, sc, cc))


def test_a_challenge_is_solved_once_by_whoever_comes_first():
    challenges, sc = Challenges(PUB.id, Limits()), new_challenge()
    assert challenges.expect(sc)
    assert not challenges.expect(sc), "to ask again changes nothing"
    assert challenges.solution_of(sc) is None
    assert solved(challenges, sc)
    assert not solved(challenges, sc, BOB)
    assert not solved(challenges, sc)
    assert challenges.solution_of(sc).feed == ALICE.id


def test_a_wrong_solution_leaves_room_for_the_right_one():
    challenges, sc = Challenges(PUB.id, Limits()), new_challenge()
    challenges.expect(sc)
    cc = new_challenge()
    assert not challenges.solve(BOB.id, sc, cc, solve(ALICE, PUB.id, sc, cc))
    assert not solved(challenges, new_challenge()), "nobody made this one"
    assert solved(challenges, sc)


def test_a_challenge_expires():
    clock = Clock()
    challenges, sc = Challenges(PUB.id, Limits({"challengeSeconds": 300}), clock), new_challenge()
    challenges.expect(sc)
    clock.now = 301
    assert not solved(challenges, sc)
    with pytest.raises(RemoteError):
        challenges.solution_of(sc)
    assert not len(challenges)


def test_challenges_are_bounded_and_the_oldest_makes_room():
    limits = Limits({"challenges": 3})
    challenges, many = Challenges(PUB.id, limits), [new_challenge() for _ in range(5)]
    for sc in many:
        challenges.expect(sc)
    assert len(challenges) == 3
    assert not solved(challenges, many[0])
    assert solved(challenges, many[4])
    assert limits.refused["challenges"] == 2


async def test_a_sign_out_is_reported_now_and_after_a_restart(tmp_path):
    sign_outs = SignOuts(tmp_path, Limits())
    sign_outs.sign_out(BOB.id)
    sign_outs.signed_in(ALICE.id)
    async with asyncio.timeout(10), aclosing(sign_outs.tell()) as told:
        listening = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0)
        sign_outs.sign_out(ALICE.id)
        first = await listening
    assert first["id"] == ALICE.id, "Bob never signed in"
    again = SignOuts(tmp_path, Limits())
    async with asyncio.timeout(10), aclosing(again.tell()) as told:
        assert await anext(told) == first
    again.signed_in(ALICE.id)
    again.signed_in(BOB.id)
    again.sign_out(BOB.id)
    async with asyncio.timeout(10), aclosing(SignOuts(tmp_path, Limits()).tell()) as told:
        assert (await anext(told))["id"] == BOB.id, "Alice has signed in since"


def test_the_latest_of_many_sign_outs_are_kept(tmp_path):
    sign_outs = SignOuts(tmp_path, Limits({"signedIn": 2}))
    for letter in b"xyz":
        sign_outs.signed_in(KeyPair(bytes([letter]) * 32).id)
    assert (tmp_path / "sign-ins.json").read_bytes().count(b"ed25519") == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"people": 7}', '{"people": [[1]]}', '{"people": [[7, null]]}']
)
async def test_a_damaged_file_is_reported_and_the_pub_continues(tmp_path, text):
    (tmp_path / "sign-ins.json").write_text(text)
    sign_outs = SignOuts(tmp_path, Limits())
    sign_outs.signed_in(ALICE.id)
    sign_outs.sign_out(ALICE.id)
    async with asyncio.timeout(10), aclosing(sign_outs.tell()) as told:
        assert (await anext(told))["id"] == ALICE.id
