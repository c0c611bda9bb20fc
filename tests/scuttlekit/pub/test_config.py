"""The configuration: each field is checked, and named where it is wrong."""

import pytest

from scuttlekit.pub.config import checked
from scuttlekit.pub.exits import Refusal

RIGHT = {"path": "/data", "host": "0.0.0.0", "port": 8008}
ID = "@" + "A" * 43 + "=.ed25519"


def test_defaults():
    config = checked(RIGHT)
    assert (config.external, config.launch, config.sequence, config.catch_up) == (None, 0, 0, False)
    assert (config.hops, config.limits, config.master) == (2, {}, frozenset())
    assert len(config.network) == 32


@pytest.mark.parametrize(
    ("host", "fence"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True), ("pub.example.org", True)]
)
def test_a_pub_on_a_loopback_address_has_no_fence(host, fence):
    assert checked({**RIGHT, "host": host}).fence is fence
    assert checked({**RIGHT, "host": host, "fence": not fence}).fence is not fence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hops", 0),
        ("hops", 3),
        ("room", "restricted"),
        ("limits", {"connections": 10, "strangers": 0}),
        ("port", 8008.0),
        ("external", "pub.example.org"),
        ("external", "2001:db8::1"),
        ("master", [ID]),
    ],
)
def test_valid_values_are_accepted(field, value):
    checked({**RIGHT, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hops", 4),
        ("room", "closed"),
        ("room", []),
        ("hops", -1),
        ("hops", "2"),
        ("limits", []),
        ("limits", {"connections": "many"}),
        ("limits", {"connections": -1}),
        ("limits", {"colour": 7}),
        ("port", True),
        ("path", "/a\0b"),
        ("master", ID),
        ("master", [5]),
        ("caps", {"shs": "A" * 44, "sign": ""}),
        ("fence", "yes"),
        ("catchUp", 1),
        ("sequence", 2**60),
        ("sequence", float("nan")),
        ("sequence", float("inf")),
        ("external", "a b"),
        ("external", "a\n"),
        ("colour", "red"),
    ],
)
def test_an_invalid_field_is_named(field, value):
    with pytest.raises(Refusal, match=f'"{field}"') as refused:
        checked({**RIGHT, field: value})
    assert refused.value.code == 78


@pytest.mark.parametrize("field", RIGHT)
def test_a_missing_field_is_named(field):
    with pytest.raises(Refusal, match=f'lacks "{field}"'):
        checked({name: value for name, value in RIGHT.items() if name != field})
