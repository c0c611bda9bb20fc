"""Aliases of an imported pub: only those that their owners signed for this very room are kept."""

from pathlib import Path

import pytest

from butt.imports.aliases import filter_aliases
from scuttlekit import KeyPair
from scuttlekit.aliases import Alias, confirmation, format_aliases, parse_aliases

ROOM, MEMBER = KeyPair(b"r" * 32), KeyPair(b"m" * 32)


def chosen(alias: str, room: KeyPair = ROOM) -> Alias:
    return Alias(alias, MEMBER.id, MEMBER.sign_text(confirmation(room.id, MEMBER.id, alias)))


CAROL = chosen("carol")
MADE_UP = Alias("eve", MEMBER.id, CAROL.signature)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param(
            format_aliases([CAROL, chosen("dave", MEMBER), MADE_UP]), [CAROL], id="of another room, made up"
        ),
        pytest.param(b"{", [], id="damaged"),
        pytest.param(b'{"aliases": [["../x", "", ""]]}', [], id="no alias"),
        pytest.param(b'{"aliases": 7}', [], id="no list"),
        pytest.param(b"[" * 100_000, [], id="too deep"),
    ],
)
def test_an_alias_is_imported_with_its_owners_signature(tmp_path: Path, text: bytes, kept: list[Alias]):
    (tmp_path / "aliases.json").write_bytes(text)
    filter_aliases(tmp_path / "aliases.json", ROOM.id)
    assert parse_aliases((tmp_path / "aliases.json").read_bytes()) == kept


def test_a_pub_without_aliases_gets_no_file(tmp_path: Path):
    filter_aliases(tmp_path / "aliases.json", ROOM.id)
    assert not list(tmp_path.iterdir())
