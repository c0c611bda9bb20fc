"""Accepting messages: in whatever pieces they arrive, from two peers at once, valid ones are stored and
nothing else.
"""

import asyncio
import base64
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import KeyPair
from scuttlekit.pub.intake import Intake, IntakeResult
from scuttlekit.pub.store import Store
from tests.scuttlekit.peers import examples
from tests.scuttlekit.store.voices import Voice

LONG = 12


def feed_of(name: str) -> list[dict[str, Any]]:
    return [message.value for message in Voice(name).posts(*map(str, range(LONG)))]


FEEDS = [feed_of("alice"), feed_of("bob")]
FORGED = f"{base64.b64encode(bytes(64)).decode()}.sig.ed25519"

# Which feed, which of its messages, and whether its signature is forged.
sent = st.tuples(st.integers(0, 1), st.integers(1, LONG), st.integers(0, 9).map(lambda number: number == 0))
in_order = st.tuples(st.integers(0, 1), st.integers(1, LONG), st.integers(1, LONG)).map(
    lambda drawn: [(drawn[0], sequence, False) for sequence in range(drawn[1], drawn[2] + 1)]
)
pieces = st.tuples(st.integers(0, 1), in_order | st.lists(sent, max_size=6), st.booleans())


def value_of(feed: int, sequence: int, is_forged: bool) -> dict[str, Any]:
    value = FEEDS[feed][sequence - 1]
    return {**value, "signature": FORGED} if is_forged else value


@examples(60)
@given(st.lists(pieces, max_size=12))
def test_valid_messages_are_stored_and_nothing_else(pieces):
    async def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder), KeyPair(b"o" * 32))
            await store.index()
            heard: list[tuple[str, int, IntakeResult]] = []
            intakes = [Intake(store, lambda *one: heard.append(one)) for _ in range(2)]
            for peer, piece, is_kept in pieces:
                intakes[peer].check([value_of(*one) for one in piece])
                if is_kept:
                    intakes[peer].keep()
            for intake in intakes:
                intake.keep()
            for values in FEEDS:
                author = values[0]["author"]
                taken = [
                    number for feed, number, how in heard if feed == author and how is IntakeResult.TAKEN
                ]
                assert taken == list(range(1, len(taken) + 1))
                stored = [one.value for one in store.read_feed(author, 0, LONG)]
                assert stored == values[: len(taken)]
            assert len(heard) == sum(len(piece) for _, piece, _ in pieces)
            store.close()

    asyncio.run(work())


async def test_messages_after_a_forged_one_are_refused_until_the_right_one_arrives(tmp_path):
    store = Store.open(tmp_path, KeyPair(b"o" * 32))
    await store.index()
    heard: list[tuple[int, IntakeResult]] = []
    intake = Intake(store, lambda _feed, sequence, outcome: heard.append((sequence, outcome)))
    intake.check([value_of(0, number, number == 4) for number in range(1, LONG + 1)])
    intake.keep()
    assert heard == [
        *[(number, IntakeResult.TAKEN) for number in range(1, 4)],
        *[(number, IntakeResult.BAD) for number in range(4, LONG + 1)],
    ]
    intake.check([value_of(0, number, False) for number in range(1, LONG + 1)])
    intake.keep()
    assert store.clock == {FEEDS[0][0]["author"]: LONG}
    store.close()
