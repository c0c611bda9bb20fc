"""The fence: which addresses a pub leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit.errors import Unreachable
from scuttlekit.pub.fence import is_fenced, is_loopback, open_hosts

INSIDE = [
    *(
        "127.0.0.1",
        "127.255.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "172.16.0.1",
        "172.31.0.1",
    ),
    *(
        "192.0.0.8",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
    ),
    *("::1", "::", "fc00::1", "fd12::1", "fec0::1", "fe80::1", "fe80::1%eth0", "ff02::1", "64:ff9b::a00:1"),
    *(
        "64:ff9b:1::1",
        "2002:a00:1::",
        "2001:0:1::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
    ),
]
OUTSIDE = [
    *("1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
    *("192.0.1.1", "192.167.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255"),
    *("2600::1", "2a01:4f8::1", "2001:db8::1", "2001:1::1", "::ffff:8.8.8.8"),
]


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_inside_the_fence(host):
    assert is_fenced(host)


@pytest.mark.parametrize("host", OUTSIDE)
def test_addresses_outside_the_fence(host):
    assert not is_fenced(host)


@given(st.ip_addresses(v=4))
def test_an_address_is_fenced_however_it_is_written(address):
    packed = int(address)
    assert is_fenced(f"::ffff:{address}") is is_fenced(str(address))
    assert is_fenced(f"::ffff:{packed >> 16:x}:{packed & 0xFFFF:x}") is is_fenced(str(address))


def test_loopback():
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("localhost")
    assert not is_loopback("10.0.0.1")


async def test_a_name_is_fenced_by_where_it_leads():
    assert "127.0.0.1" in await open_hosts("localhost", fenced=False)
    with pytest.raises(Unreachable, match="localhost does not lead to an address on the public internet"):
        await open_hosts("localhost", fenced=True)


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "017700000001"])
async def test_numbers_that_a_resolver_takes_for_an_address_are_fenced(host):
    """What inet_aton accepts is not a name, and must not pass as one."""
    with pytest.raises(Unreachable):
        await open_hosts(host, fenced=True)


async def test_an_invalid_name_leads_nowhere():
    for host in ("a" * 300, "\udc00", "nowhere.invalid"):
        with pytest.raises(Unreachable):
            await open_hosts(host, fenced=False)
    assert await open_hosts("8.8.8.8", fenced=True) == ["8.8.8.8"]
