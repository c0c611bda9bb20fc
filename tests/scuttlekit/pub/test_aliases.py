"""Aliases: their strings, their signatures, how many there may be, and the file in which they are kept."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import KeyPair, RemoteError
from scuttlekit.aliases import Alias, confirmation, is_alias, is_confirmed
from scuttlekit.pub.exits import Refusal
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.room.aliases import Aliases
from scuttlekit.pub.room.privacy import Mode
from scuttlekit.pub.room.told import RoomSettings

ROOM, ALICE, BOB = (KeyPair(letter * 32) for letter in (b"r", b"a", b"b"))
OF_THE_SPECIFICATION = (
    "@zz+n7zuFc4wofIgKeEpXgB+/XQZB43Xj2rrWyD0QM2M=.ed25519",
    Alias(
        "bob",
        "@yVQxFxzeRQ13DQ813hf8G20U5z5I/nkNDliKeSs/IpU=.ed25519",
        "EiEgn/h2lKoaz28ggKBod6havJNKapRKCmXQ/t/4KS1gY4T6zPXWhw6kTaglt8vDJZW+jJRJvfB4Rryhl0njCg==.sig.ed25519",
    ),
)


def signed(alias: str, keys: KeyPair = ALICE, room: KeyPair = ROOM) -> str:
    signature = keys.sign(confirmation(room.id, keys.id, alias))
    return f"{base64.b64encode(signature).decode()}.sig.ed25519"


def opened(folder: Path, **limits: int) -> Aliases:
    aliases = Aliases(folder, ROOM.id, Limits(limits))
    aliases.read()
    return aliases


@pytest.mark.parametrize("alias", ["a", "alice", "alice1994", "a-b", "a" * 63])
def test_labels_are_aliases(alias):
    assert is_alias(alias)


@pytest.mark.parametrize(
    "alias", ["", "1a", "-a", "a-", "Alice", "a.b", "a/b", "a_b", "ä", "a\n", "a" * 64, None, 5, ["a"]]
)
def test_nothing_else_is_an_alias(alias, tmp_path):
    assert not is_alias(alias)
    with pytest.raises(RemoteError, match="small letters"):
        opened(tmp_path).register(alias, ALICE.id, "")


def test_the_example_of_the_specification_is_confirmed():
    room, alias = OF_THE_SPECIFICATION
    assert is_alias(alias.alias)
    assert is_confirmed(room, alias)
    assert not is_confirmed(ROOM.id, alias)


def test_only_its_owner_can_sign_an_alias_and_only_for_this_room(tmp_path):
    aliases = opened(tmp_path)
    right = signed("alice")
    for signature in (
        signed("alice", keys=BOB),
        signed("alice", room=BOB),
        signed("alicf"),
        right.removesuffix(".sig.ed25519"),
        right.replace("=", ""),
        f" {right}",
        "",
        None,
        5,
    ):
        with pytest.raises(RemoteError, match="signature"):
            aliases.register("alice", ALICE.id, signature)
    assert aliases.register("alice", ALICE.id, right) == Alias("alice", ALICE.id, right)


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode() + ".sig.ed25519"))
def test_odd_signatures_are_only_wrong(text):
    assert not is_confirmed(ROOM.id, Alias("alice", ALICE.id, text))
    assert not is_confirmed(ROOM.id, Alias("alice", text, signed("alice")))


def test_aliases_are_kept_and_each_has_one_owner(tmp_path):
    aliases = opened(tmp_path)
    aliases.register("alice", ALICE.id, signed("alice"))
    with pytest.raises(RemoteError, match="taken"):
        aliases.register("alice", BOB.id, signed("alice", keys=BOB))
    aliases.register("alice", ALICE.id, signed("alice"))
    aliases.register("ali", ALICE.id, signed("ali"))

    aliases = opened(tmp_path)
    assert aliases.find("alice") == Alias("alice", ALICE.id, signed("alice"))
    assert aliases.of(ALICE.id) == ["alice", "ali"]
    assert aliases.by_feed() == {ALICE.id: ["alice", "ali"]}
    for alias, feed, why in (
        ("alice", BOB.id, "somebody else"),
        ("alicf", ALICE.id, "no such"),
        ([], None, "no such"),
    ):
        with pytest.raises(RemoteError, match=why):
            aliases.revoke(alias, feed)
    aliases.revoke("alice", ALICE.id)
    aliases.revoke("ali", None)
    assert opened(tmp_path).by_feed() == {}


def test_the_number_of_aliases_is_bounded(tmp_path):
    aliases = opened(tmp_path, aliases=3, aliasesOfOne=2)
    for alias in ("a", "b"):
        aliases.register(alias, ALICE.id, signed(alias))
    with pytest.raises(RemoteError, match="too many"):
        aliases.register("c", ALICE.id, signed("c"))
    aliases.register("c", BOB.id, signed("c", keys=BOB))
    with pytest.raises(RemoteError, match="too many"):
        aliases.register("d", BOB.id, signed("d", keys=BOB))


def test_changing_aliases_without_end_is_refused_for_the_day(tmp_path):
    aliases = opened(tmp_path, aliasChanges=3)
    for _ in range(2):
        aliases.register("a", ALICE.id, signed("a"))
        aliases.revoke("a", ALICE.id)
    with pytest.raises(RemoteError, match="too often"):
        aliases.register("a", ALICE.id, signed("a"))
    aliases.register("b", BOB.id, signed("b", keys=BOB))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"aliases":[["a"]]}', '{"aliases":[["A","x","y"]]}', '{"aliases":[["a",1,2]]}']
)
def test_a_damaged_file_is_reported(tmp_path, text):
    (tmp_path / "aliases.json").write_text(text)
    with pytest.raises(Refusal, match=r"aliases\.json is damaged"):
        opened(tmp_path)


def test_a_rooms_settings_are_kept(tmp_path):
    told = RoomSettings(tmp_path, Mode.COMMUNITY)
    assert (told.mode, told.aliases_at) == (Mode.COMMUNITY, None)
    said = {"mode": "restricted", "aliasesAt": "https://butt.nz/@harbour"}
    assert told.tell(said) == said
    again = RoomSettings(tmp_path, Mode.COMMUNITY)
    assert (again.mode, again.aliases_at) == (Mode.RESTRICTED, "https://butt.nz/@harbour")
    assert again.tell({"mode": None}) == {"mode": "community", "aliasesAt": None}
    (tmp_path / "room.json").write_text("{")
    assert RoomSettings(tmp_path, Mode.OPEN).mode is Mode.OPEN


@pytest.mark.parametrize(
    "odd",
    [
        *(None, [], 5, {"colour": 7}, {"mode": "closed"}, {"mode": []}, {"aliasesAt": "ftp://x"}),
        *(
            {"aliasesAt": 5},
            {"aliasesAt": "https://x/"},
            {"aliasesAt": "https://" + "x" * 300},
            {"aliasesAt": "https://a b"},
        ),
    ],
    ids=repr,
)
def test_invalid_settings_of_a_room_are_refused(tmp_path, odd):
    with pytest.raises(RemoteError, match="a room is told"):
        RoomSettings(tmp_path, Mode.OPEN).tell(odd)
