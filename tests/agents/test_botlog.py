"""What a person sees of a bot's log, and what nobody may see."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.botlog import LONGEST, LogLine, careful, shown, whole_lines
from scuttlekit import KeyPair

BOT, STRANGER = (f"@{base64.b64encode(bytes([n]) * 32).decode()}.ed25519" for n in (1, 200))
KEY = STRANGER[1:-8]
SEED = base64.b64encode(bytes([77]) * 32).decode()

keys = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
edges = st.sampled_from(["", " ", "'", '"', "(", ")", ", ", ": ", "\n", "[", "]", "=", "{", "}"])
words = st.text(st.characters(codec="ascii", exclude_categories=["Cc", "N", "L"]), max_size=20)


@given(words, edges, keys, edges, words)
def test_seeds_of_invites_are_never_shown(before: str, opens: str, seed: str, closes: str, after: str):
    for code in (f"my.butt.nz:8008:{STRANGER}~{seed}", f"net:my.butt.nz:8008~shs:{KEY}:{seed}"):
        assert seed not in careful(f"{before}{opens}{code}{closes}{after}")


@given(words, edges, keys, edges, words)
def test_keys_that_are_not_ids_are_never_shown(before: str, opens: str, key: str, closes: str, after: str):
    assert key not in careful(f"{before}{opens}{key}{closes}{after}")


@given(words, keys)
def test_strangers_ids_are_shortened_and_the_bots_own_is_not(before: str, key: str):
    feed = f"@{key}.ed25519"
    assert key not in careful(f"{before} {feed} connects", [BOT])
    assert careful(f"it is {feed} here", [feed]) == f"it is {feed} here"


@given(st.ip_addresses().filter(lambda ip: not ip.is_loopback and not ip.is_unspecified), edges, edges)
def test_addresses_are_never_shown(ip: object, opens: str, closes: str):
    assert str(ip) not in careful(f"from {opens}{ip}{closes} it came")
    assert str(ip) not in careful(f"net:{ip}:8008~shs:{KEY}")
    assert str(ip) not in careful(f"[{ip}]:8008")


@given(st.text())
def test_any_text_can_be_cleaned(text: str):
    assert len(careful(text)) <= LONGEST + 1
    shown(whole_lines(text, 1000))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"))), st.integers(1, 200))
def test_only_whole_lines_of_a_log_are_read(lines: list[str], size: int):
    log = "".join(f"{line}\n" for line in lines).encode()
    read = whole_lines(log[-size:].decode(errors="replace"), size)
    assert all(line in lines for line in read)
    if len(log) < size:
        assert read == [line for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        (f"The pub listens at net:my.butt.nz:8100~shs:{BOT[1:-8]}.", None),
        ("The pub stops: SIGTERM.", None),
        ("it took 17:16:00.019 and version 16.0.1 of ssb-db", None),
        ("cannot write /srv/butt/bots/1d6c/data/flume/log.offset", None),
        (f"{STRANGER} follows", f"@{KEY[:8]}… follows"),
        (f"dial net:pub.example.org:8008~shs:{KEY}", f"dial net:[address]:8008~shs:{KEY[:8]}…"),
        (f"dial pub.example.org:8008:{STRANGER}", f"dial [address]:8008:@{KEY[:8]}…"),
        ("ECONNREFUSED 203.0.113.9:8008", "ECONNREFUSED [address]:8008"),
        ("ECONNREFUSED ::ffff:203.0.113.9", "ECONNREFUSED [address]"),
        ("no route to fe80::1%eth0", "no route to [address]%eth0"),
        ("write to alice@example.org", "write to [address]"),
        ("token: abc123, then", "token: [secret], then"),
        ('{"private": "abc.ed25519"}', '{"private": [secret]}'),
        ("Authorization: Bearer abc123", "Authorization: Bearer [secret]"),
        (f"used my.butt.nz:8008:{STRANGER}~{SEED} twice", "used [invite] twice"),
        (f"the blob &{KEY}.sha256 is missing", f"the blob &{KEY[:8]}… is missing"),
    ],
)
def test_cleaned_lines_can_still_be_understood(said: str, shows: str | None):
    assert careful(said, [BOT, "my.butt.nz"]) == (shows or said)


def test_a_secret_file_is_never_shown():
    pair = KeyPair.generate()
    blanked = careful(pair.format())
    assert base64.b64encode(pair.secret).decode()[:40] not in blanked
    assert pair.id not in blanked


def test_lines_are_the_pubs_messages_or_any_other_text():
    said = json.dumps({"time": "2026-01-01T12:00:00.000Z", "level": "error", "message": "The disk is full."})
    crash, odd = "FATAL ERROR: heap", json.dumps({"level": 7, "message": ["a"]})
    error, raw, strange = shown([said, crash, odd])
    assert (error.level, error.text, f"{error.at:%H:%M}") == ("error", "The disk is full.", "12:00")
    assert raw == LogLine(None, "", "FATAL ERROR: heap")
    assert (strange.level, strange.text) == ("", "['a']")
