"""The addresses of peers, in the file that ssb-gossip writes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, KeyPair
from scuttlekit.pub.gossip import ANNOUNCED, Gossip, KnownAddress, read_address

KEY = KeyPair(b"k" * 32).id
ADDRESS = f"net:pub.example.org:8008~shs:{KEY[1:].removesuffix('.ed25519')}"
STOCK = {
    "address": ADDRESS,
    "key": KEY,
    "host": "pub.example.org",
    "port": 8008,
    "source": "pub",
    "announcers": 3,
    "duration": {"mean": 5000, "stdev": 1, "count": 3, "sum": 15000, "sqsum": 75000000},
    "failure": 2,
    "stateChange": 1_700_000_000_000,
}


def known(number: int, source: str = "pub", failures: int = 0) -> KnownAddress:
    address, text = read_address(f"10.0.0.{number}:8008:{KeyPair(bytes([number]) * 32).id}")
    return KnownAddress(address, text, source, failures=failures)


@pytest.fixture
def read(tmp_path):
    def read(text: str, most: int = 100) -> Gossip:
        (tmp_path / "gossip.json").write_text(text)
        gossip = Gossip(tmp_path, most)
        gossip.read()
        return gossip

    return read


def test_what_ssb_gossip_wrote_is_read_and_written_again(read, tmp_path):
    gossip = read(json.dumps([STOCK]))
    (entry,) = gossip
    assert (entry.key, entry.failures, entry.source) == (KEY, 2, "pub")
    gossip.add(known(1))
    gossip.write()
    written = json.loads((tmp_path / "gossip.json").read_text())
    assert written[0] == STOCK
    assert written[1]["host"] == "10.0.0.1"


def test_the_file_is_written_only_after_a_change(read, tmp_path):
    gossip = read(json.dumps([STOCK]))
    before = (tmp_path / "gossip.json").stat().st_ino
    gossip.write()
    assert (tmp_path / "gossip.json").stat().st_ino == before


@pytest.mark.parametrize(
    "entry",
    [
        *(
            {},
            None,
            5,
            "x",
            [],
            {"key": KEY},
            {"host": "a", "port": 1},
            {"address": 5},
            {"address": "net:x:1"},
        ),
        *({"host": "a b", "port": 1, "key": KEY}, {"host": "a", "port": 65536, "key": KEY}),
        *({"host": "a", "port": {}, "key": KEY}, {"host": "a", "port": "1e3", "key": KEY}),
    ],
    ids=repr,
)
def test_one_broken_entry_is_left_out_and_counted(read, entry):
    gossip = read(json.dumps([entry, STOCK]))
    assert [one.key for one in gossip] == [KEY]
    assert gossip.broken == 1


@pytest.mark.parametrize("text", ["", "{}", "[", "null", "[[[[", "\0"], ids=repr)
def test_a_damaged_file_does_not_stop_the_pub(read, text):
    gossip = read(text)
    assert len(gossip) == 0
    assert gossip.broken == 1


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists))
def test_an_entry_may_contain_anything(value):
    for name in STOCK:
        try:
            entry = KnownAddress.read({**STOCK, name: value})
        except InvalidFormat:
            continue
        KnownAddress.read(entry.as_written())


def test_peers_of_a_local_network_are_ignored(read):
    assert len(read(json.dumps([{**STOCK, "source": "local"}]))) == 0


def test_the_number_of_remembered_peers_is_bounded(tmp_path):
    gossip = Gossip(tmp_path, 3)
    for number in (1, 2, 3):
        gossip.add(known(number, failures=number % 3))
    gossip.add(known(4))
    assert sorted(one.address.host for one in gossip) == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]


def test_an_announced_peer_does_not_replace_one_that_never_failed(tmp_path):
    gossip = Gossip(tmp_path, 2)
    gossip.add(known(1))
    gossip.add(known(2))
    gossip.add(known(3, ANNOUNCED))
    assert sorted(one.address.host for one in gossip) == ["10.0.0.1", "10.0.0.2"]
    gossip.add(known(4, "manual"))
    assert gossip.get(known(4).key)


@pytest.mark.parametrize(
    "given_",
    [
        ADDRESS,
        f"pub.example.org:8008:{KEY}",
        {"host": "pub.example.org", "port": 8008, "key": KEY},
        {"host": "pub.example.org", "port": "8008", "key": KEY},
        {"address": ADDRESS},
        f" {ADDRESS} ",
    ],
    ids=repr,
)
def test_every_form_of_an_address_is_read(given_):
    address, _ = read_address(given_)
    assert (address.host, address.port, address.key) == ("pub.example.org", 8008, KEY)
