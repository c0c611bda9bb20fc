import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import Address, InvalidFormat, KeyPair
from scuttlekit.addresses import Protocol, format_multiserver, parse_multiserver
from tests.scuttlekit.peers import few

KEY = KeyPair(b"p" * 32).id
BASE64 = KEY[1:].removesuffix(".ed25519")

hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True),
    st.ip_addresses().map(str),
)
ports = st.integers(1, 65535)
keys = st.binary(min_size=32, max_size=32).map(lambda seed: KeyPair(seed).id)
addresses = st.one_of(
    st.builds(Address, hosts, ports, keys, st.sampled_from(["net", "onion"])),
    st.builds(
        Address,
        hosts,
        ports,
        keys,
        st.sampled_from(["ws", "wss"]),
        st.from_regex(r"(/[a-z!:;~?=]*)?", fullmatch=True),
    ),
)
names = st.from_regex(r"[a-z][a-z0-9-]{1,8}", fullmatch=True)
data = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
chains = st.lists(
    st.builds(Protocol, names, st.lists(data, max_size=3).map(tuple)), min_size=1, max_size=3
).map(tuple)


@few
@given(addresses)
def test_an_address_reads_as_it_was_written(address):
    assert Address.parse(address.multiserver) == address


@few
@given(st.builds(Address, hosts.filter(lambda host: not host.endswith(".onion")), ports, keys))
def test_a_legacy_address_reads_as_it_was_written(address):
    assert Address.parse(address.legacy) == address


@few
@given(st.lists(chains, min_size=1, max_size=3).map(tuple))
def test_any_multiserver_text_reads_as_it_was_written(alternatives):
    assert parse_multiserver(format_multiserver(alternatives)) == alternatives


@few
@given(st.text() | st.text("net:shs~;!0123456789@./[]-= ws", max_size=80))
def test_any_other_text_is_refused_as_an_address(text):
    try:
        address = Address.parse(text)
    except InvalidFormat:
        return
    assert Address.parse(address.multiserver) == address


def test_it_writes_what_ssb_server_writes():
    assert Address("pub.butt.nz", 8008, KEY).multiserver == f"net:pub.butt.nz:8008~shs:{BASE64}"
    assert Address("pub.butt.nz", 8008, KEY).legacy == f"pub.butt.nz:8008:{KEY}"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (f"net:::1:8008~shs:{BASE64}", "::1", 8008),
        (f"net:fe80!:!:7:8008~shs:{BASE64}", "fe80::7", 8008),
        (f"::1:8008:{KEY}", "::1", 8008),
        (f"ws://pub.butt.nz:8989~shs:{BASE64}", "pub.butt.nz", 8989),
        (f"ws://[::1]:8989~shs:{BASE64}", "::1", 8989),
        (f"wss://pub.butt.nz~shs:{BASE64}", "pub.butt.nz", 443),
        (f"wss://pub.butt.nz/a/path~shs:{BASE64}", "pub.butt.nz", 443),
        (f"onion:abcdef.onion:8008~shs:{BASE64}", "abcdef.onion", 8008),
        (f" net:pub.butt.nz:8008~shs:{BASE64}\n", "pub.butt.nz", 8008),
    ],
)
def test_it_reads_addresses_as_others_write_them(text, host, port):
    address = Address.parse(text)
    assert (address.host, address.port, address.key) == (host, port, KEY)


def test_it_chooses_a_protocol_that_it_can_dial():
    text = f"unix:/a/socket~noauth;wss://pub.butt.nz~shs:{BASE64};net:pub.butt.nz:8008~shs:{BASE64}"
    assert Address.parse(text).transport == "net"
    assert [address.transport for address in Address.parse_all(text)] == ["wss", "net"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pub.butt.nz",
        f"pub.butt.nz:{KEY}",
        f"pub.butt.nz:0:{KEY}",
        f"pub.butt.nz:65536:{KEY}",
        f"pub.butt.nz:http:{KEY}",
        f"pub butt nz:8008:{KEY}",
        f"1:2:8008:{KEY}",
        f"net:pub.butt.nz:8008~shs:{BASE64[:-2]}",
        f"net:pub.butt.nz:8008~noauth:{BASE64}",
        "net:pub.butt.nz:8008~shs",
        f"unix:/a/socket~shs:{BASE64}",
        f"net:pub!x:8008~shs:{BASE64}",
        "net:a:1~shs:" + "A" * 5000,
    ],
)
def test_it_says_what_is_wrong_with_an_address(text):
    with pytest.raises(InvalidFormat):
        Address.parse(text)


def test_a_port_must_be_a_valid_number():
    with pytest.raises(InvalidFormat, match="port"):
        Address("pub.butt.nz", 70000, KEY)
