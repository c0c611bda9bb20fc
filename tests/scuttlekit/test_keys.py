import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, KeyPair
from scuttlekit.keys import decode_feed_id, encode_feed_id
from tests.scuttlekit.peers import few

seeds = st.binary(min_size=32, max_size=32)


@few
@given(seeds)
def test_a_secret_file_gives_back_the_key_it_was_written_from(seed):
    keys = KeyPair(seed)
    assert KeyPair.parse(keys.format()) == keys


@few
@given(seeds)
def test_a_feed_id_gives_back_its_key(public):
    assert decode_feed_id(encode_feed_id(public)) == public


@few
@given(st.text())
def test_any_other_text_is_refused_as_an_id_or_secret(text):
    with pytest.raises(InvalidFormat):
        decode_feed_id(text)
    with pytest.raises(InvalidFormat):
        KeyPair.parse(text)


@few
@given(
    st.dictionaries(
        st.sampled_from(["curve", "public", "private", "id"]), st.none() | st.text() | st.integers()
    )
)
def test_a_secret_with_odd_fields_is_refused(fields):
    with pytest.raises(InvalidFormat):
        KeyPair.parse(json.dumps({"curve": "ed25519"} | fields))


def test_it_reads_what_ssb_keys_wrote():
    text = """# WARNING: Never show this to anyone.
#
{
  "curve": "ed25519",
  "public": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=.ed25519",
  "private": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXA==.ed25519",
  "id": "@iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=.ed25519"
}
#
# The only part of this file that's safe to share is your public name:
#
#   @iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=.ed25519"""
    assert KeyPair.parse(text).seed == b"\x01" * 32


def test_nothing_that_prints_a_key_pair_prints_its_secret(alice):
    for shown in (repr(alice), str(alice), f"{[alice]}"):
        assert repr(alice.seed)[2:-1] not in shown
        assert alice.id in shown


def test_it_saves_for_the_owner_only_and_loads_again(tmp_path, alice):
    path = tmp_path / "secret"
    alice.save(path)
    assert KeyPair.load(path) == alice
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert list(tmp_path.iterdir()) == [path]


def test_an_identity_is_never_overwritten(tmp_path, alice, bob):
    path = tmp_path / "secret"
    alice.save(path)
    with pytest.raises(FileExistsError):
        bob.save(path)
    assert KeyPair.load(path) == alice
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_fails_leaves_nothing(tmp_path, alice, monkeypatch):
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        alice.save(tmp_path / "secret")
    assert list(tmp_path.iterdir()) == []


def test_two_halves_of_different_keys_are_refused(alice, bob):
    mixed = alice.format().replace(alice.id[1:], bob.id[1:])
    with pytest.raises(InvalidFormat, match="another"):
        KeyPair.parse(mixed)


def test_an_error_never_quotes_the_secret(tmp_path: Path, alice):
    path = tmp_path / "secret"
    path.write_text(alice.format().replace('"private": "', '"private": "?'))
    with pytest.raises(InvalidFormat) as raised:
        KeyPair.load(path)
    assert alice.format()[400:420] not in str(raised.value)
