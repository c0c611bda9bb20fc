"""The follow graph: what counts, how far others are; ssb-friends' own arithmetic agrees."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import KeyPair, canonical, graph
from scuttlekit.graph import BLOCKS, FOLLOWS, NEITHER, Graph, relation_in
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import examples, few
from tests.scuttlekit.v8 import NODE

ALICE, BOB, CAROL = (KeyPair(letter * 32).id for letter in (b"a", b"b", b"c"))

relations = st.sampled_from([FOLLOWS, FOLLOWS, FOLLOWS, BLOCKS, NEITHER])
edges = st.lists(st.tuples(st.integers(0, 7).map(str), st.integers(0, 7).map(str), relations), max_size=40)
odd = texts.map(lambda text: canonical.parse(text.encode()))


def contact(target: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "contact", "contact": target, **fields}


def graph_of(edges: list[tuple[str, str, int]]) -> Graph:
    made = Graph()
    for edge in edges:
        made.sets(*edge)
    return made


@pytest.mark.parametrize(
    ("fields", "relation"),
    [
        ({"following": True}, FOLLOWS),
        ({"following": "yes"}, NEITHER),
        ({"following": 1}, NEITHER),
        ({"following": False}, NEITHER),
        ({}, NEITHER),
        ({"blocking": True}, BLOCKS),
        ({"following": True, "blocking": True}, BLOCKS),
        ({"following": True, "blocking": False}, FOLLOWS),
        ({"following": True, "blocking": 0}, FOLLOWS),
        ({"following": True, "blocking": ""}, FOLLOWS),
        ({"following": True, "blocking": None}, FOLLOWS),
        ({"following": True, "blocking": []}, BLOCKS),
        ({"following": True, "flagged": {}}, BLOCKS),
        ({"following": True, "flagged": "spam"}, BLOCKS),
    ],
)
def test_contact_messages_are_understood(fields, relation):
    assert relation_in(contact(ALICE, **fields)) == (ALICE, relation)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "AAAA.box",
        [],
        {},
        {"type": "contact"},
        {"type": "post", "contact": ALICE, "following": True},
        *(
            contact(target, following=True)
            for target in (
                None,
                7,
                [ALICE],
                {},
                "",
                ALICE[:-1],
                ALICE[1:],
                f"{ALICE}\ud800",
                "@\0.ed25519",
                "@é.ed25519",
            )
        ),
    ],
)
def test_other_messages_change_nothing(content):
    made = Graph()
    assert not made.hears(ALICE, content)
    assert len(made) == 0


@few
@given(odd, odd, odd, odd)
def test_any_json_is_accepted(following, blocking, target, content):
    made = Graph()
    made.hears(ALICE, content)
    made.hears(ALICE, contact(target, following=following))
    made.hears(ALICE, contact(BOB, following=following, blocking=blocking, flagged=content))
    made.hops(ALICE, 2)


def test_the_latest_message_of_a_pair_counts():
    made = Graph()
    assert made.hears(ALICE, contact(BOB, following=True))
    assert not made.hears(ALICE, contact(BOB, following=True))
    assert made.follows(ALICE, BOB)
    assert not made.follows(BOB, ALICE)
    assert made.hears(ALICE, contact(BOB, blocking=True))
    assert made.blocks(ALICE, BOB)
    assert not made.follows(ALICE, BOB)
    assert made.hears(ALICE, contact(BOB, following=False))
    assert not made.blocks(ALICE, BOB)
    assert len(made) == 1


class LayeredGraphs:
    def __init__(self, release: Path) -> None:
        script = Path(__file__).with_name("layered_graph.js")
        self.process = subprocess.Popen(
            [NODE, script, release], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hops(self, edges: list[tuple[str, str, int]], most: int) -> dict[str, int]:
        self.process.stdin.write(json.dumps({"edges": edges, "max": most}) + "\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        return {feed: hops for feed, hops in found.items() if 0 <= hops <= most}

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def theirs(built_stock: Path) -> Iterator[LayeredGraphs]:
    theirs = LayeredGraphs(built_stock)
    yield theirs
    theirs.close()


@examples(300)
@given(edges, st.integers(1, 4))
def test_feeds_are_as_far_as_ssb_friends_says(theirs, edges, most):
    assert graph_of(edges).hops("0", most) == theirs.hops(edges, most)


@examples(300)
@given(edges, edges, st.integers(1, 4))
def test_a_cached_answer_is_updated(edges, more, most):
    made = graph_of(edges)
    given_before = made.hops("0", most)
    kept = dict(given_before)
    for edge in more:
        changes, before = made.changes, dict(made.hops("0", most))
        made.sets(*edge)
        edges = [*edges, edge]
        assert made.hops("0", most) == graph_of(edges).hops("0", most)
        if made.changes == changes:
            assert made.hops("0", most) == before
    assert given_before == kept


def test_a_feed_with_too_many_contacts_loses_its_oldest(monkeypatch):
    monkeypatch.setattr(graph, "MAX_OF_ONE", 3)
    made = Graph("own")
    for target in "abcde":
        made.sets("loud", target, FOLLOWS)
        made.sets("own", target, FOLLOWS)
    assert list(made.relations("loud")) == ["c", "d", "e"]
    assert list(made.relations("own")) == ["a", "b", "c", "d", "e"]
    assert len(made) == 8


def test_with_too_many_contacts_the_largest_feed_loses_half(monkeypatch):
    monkeypatch.setattr(graph, "MAX_EDGES", 12)
    made = Graph("own")
    made.restore([("own", target, FOLLOWS) for target in "abcdefg"])
    made.restore([("loud", target, FOLLOWS) for target in "abc"])
    made.sets("quiet", "a", FOLLOWS)
    assert "d" not in made.hops("loud", 1)
    made.sets("loud", "d", FOLLOWS)
    made.sets("loud", "e", FOLLOWS)
    assert list(made.relations("loud")) == ["d", "e"]
    assert made.follows("quiet", "a")
    assert len(made.relations("own")) == 7
    assert set(made.hops("loud", 1)) == {"loud", "d", "e"}
