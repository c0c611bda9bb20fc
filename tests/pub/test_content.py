"""Whatever authors write, the pub lives, and each of its indexes has every message: it is in the log for good."""

import base64
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pub.pubs import Client, Json, Pub, until

Make = Callable[..., Pub]

FEED = "@" + base64.b64encode(bytes(range(32))).decode() + ".ed25519"
MESSAGE = "%" + base64.b64encode(bytes(range(32))).decode() + ".sha256"
BLOB = "&" + base64.b64encode(bytes(range(32))).decode() + ".sha256"

FIELDS = (
    *("mentions", "root", "branch", "channel", "link", "about", "contact", "vote", "image", "flag", "recps"),
    *("name", "text", "address", "following", "blocking", "note", "pub", "key", "value", "content", "author"),
    *("0", "length", "__proto__", "constructor", "toString", "hasOwnProperty", "meta", "private", ""),
)
ODD = [
    *(
        None,
        True,
        False,
        0,
        5,
        -1.5,
        1e300,
        "",
        "x",
        "\u0000",
        "\ud800",
        FEED,
        MESSAGE,
        BLOB,
        MESSAGE + "?unbox=x",
    ),
    *(
        [],
        [None],
        [[None]],
        [[[]]],
        [5, "x", None, {}],
        [MESSAGE, None, FEED],
        {},
        {"0": None},
        {"0": {"0": 1}},
    ),
    *(
        {"link": None},
        {"link": 5},
        {"link": {}},
        {"link": [MESSAGE]},
        {"link": {"link": MESSAGE}},
        {"length": 5},
    ),
    *({"link": link, "name": name} for link in (FEED, MESSAGE, BLOB) for name in (None, 5, {}, ["x"], True)),
    *([{"link": FEED, "name": {}}, {"link": BLOB, "size": {}, "type": [None]}], {"__proto__": None}),
    *(
        {"host": {}, "port": [1], "key": FEED},
        {"host": ["127.0.0.1"], "port": "8008", "key": FEED},
        "net:::~shs:x",
    ),
    *({"host": "localhost", "port": 65536, "key": FEED}, {"host": "localhost", "port": -1, "key": FEED}),
    *(
        "ws://~shs:",
        f"localhost:x:{FEED}",
        f"net:localhost:99999~shs:{FEED[1:45]}",
        "net:localhost:1~shs:A~noauth",
    ),
]
BOTTOMLESS = Json('{"type": "post", "mentions": ' + "[" * 2900 + "]" * 2900 + "}")
TYPES = ("post", "contact", "about", "vote", "pub", "channel", "flag")


def boxes() -> list[str]:
    """Private messages to nobody: of every length up to a real one, of zeros and random bytes, and some that
    are not base64.
    """
    chance = random.Random(7)
    bodies = [bytes(length) for length in range(121)] + [chance.randbytes(length) for length in range(121)]
    written = [base64.b64encode(body).decode() for body in bodies]
    endings = [".box", ".box2", ".box.box", ".boxer", ".box "]
    return [text + ".box" for text in [*written, "AAA", "A===", "????", "=", "ÿÿÿÿ"]] + [
        text + ending for text in written[:8] for ending in endings[1:]
    ]


def shapes() -> list[Any]:
    """Every field with every odd value, in messages of every type in turn."""
    kinds = itertools.cycle(TYPES)
    return [{"type": next(kinds), field: value} for field, value in itertools.product(FIELDS, ODD)] + [
        {"type": kind, field: value} for kind in TYPES for field in (kind, "address") for value in ODD
    ]


def sealed() -> list[Any]:
    """What only recipients can see, so nobody on the way could have refused it."""
    return [*ODD, *shapes()[::40], BOTTOMLESS]


class Reader:
    """A pub that follows a friend, who follows an author: it receives what they write over the wire."""

    def __init__(self, make_pub: Make, client: Client) -> None:
        self.client = client
        self.author = client.generate()
        self.pub, self.friend = make_pub().start(), make_pub("friend").start()
        for pub, whom in ((self.pub, self.friend.id), (self.friend, self.author["id"])):
            client.call(pub, "publish", {"type": "contact", "contact": whom, "following": True})
        self.writes([{"type": "post", "text": "first"}])
        client.call(self.pub, "gossip.connect", self.friend.address)
        until(lambda: self.has() == 1)

    def writes(self, contents: list[Any], private: list[Any] | None = None) -> int:
        return self.client.write(self.friend, self.author, contents, private, to=self.pub)

    def hears(self, contents: list[Any], private: list[Any] | None = None) -> None:
        last = self.writes(contents, private)
        until(lambda: self.has() == last)

    def has(self) -> int:
        with suppress(RuntimeError, TypeError):
            return int(self.client.call(self.pub, "getLatest", self.author["id"])["value"]["sequence"])
        return 0

    def is_indexed(self) -> bool:
        state = self.client.call(self.pub, "status")["sync"]
        return set(state["plugins"].values()) <= {state["since"]}

    def lives_on(self) -> None:
        until(self.is_indexed)
        assert self.pub.stop() == 0
        self.client.hang_up()
        self.pub.start()
        until(self.is_indexed)
        assert not [line for line in self.pub.lines if line["level"] == "error"]


@pytest.fixture
def reader(make_pub: Make, client: Client) -> Reader:
    return Reader(make_pub, client)


def test_a_message_that_cannot_be_unboxed_is_not_for_us(reader: Reader):
    reader.hears(boxes())
    reader.lives_on()


def test_no_content_of_any_shape_stops_an_index(reader: Reader):
    reader.hears(shapes())
    reader.lives_on()


def test_nothing_that_a_private_message_holds_stops_an_index(reader: Reader):
    reader.hears([], [*sealed(), {"type": "post", "text": "for you"}])
    reader.lives_on()
    found = reader.client.call(
        reader.pub, "createUserStream", {"id": reader.author["id"], "private": True}, count=9999
    )
    assert found[-1]["value"]["content"] == {"type": "post", "text": "for you"}


def test_valid_links_beside_an_invalid_one_are_found(reader: Reader):
    reader.hears([{"type": "post", "mentions": [None, {"link": FEED, "name": 5}, MESSAGE]}])
    until(reader.is_indexed)
    links = reader.client.call(
        reader.pub, "links", {"source": reader.author["id"], "rel": "mentions"}, count=9
    )
    assert {link["dest"] for link in links} == {FEED, MESSAGE}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
CONTENTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)


@settings(
    max_examples=20,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(contents=st.lists(CONTENTS, min_size=20, max_size=40))
def test_no_random_content_stops_an_index(reader: Reader, contents: list[dict[str, Any]]):
    said = [{"type": random.Random(at).choice(TYPES), **content} for at, content in enumerate(contents)]
    reader.hears(said, said)
    until(reader.is_indexed)
