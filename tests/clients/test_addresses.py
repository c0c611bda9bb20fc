"""ssb-ref, by which most apps decide what they dial and accept, reads our addresses and invites."""

import json
import subprocess
from typing import Any

import pytest

from butt.sources.releases import build
from scuttlekit import Address, InviteCode, KeyPair
from scuttlekit.addresses import apps_take
from tests.clients.apps import SETS
from tests.pub.pubs import NODE

KEYS = KeyPair(b"k" * 32)
PORT = 8008
IPV6 = ["2001:db8::1", "::1", "2001:db8:1:2:3:4:5:6", "2001:DB8::ab", "fd00::1:0:1", "::ffff:192.0.2.1"]
TAKEN = [
    *("192.0.2.7", "127.0.0.1", "localhost", *IPV6),
    *(
        "my.butt.nz",
        "my.butt.co.nz",
        "a-b.example.org",
        "xn--bcher-kva.example",
        "my.xn--p1ai",
        "7.example.org",
    ),
]
REFUSED = [
    *(
        "[2001:db8::1]",
        "pub",
        "my-pub",
        "my.butt.n-z",
        "a--b.example.org",
        "-a.example.org",
        "a-.example.org",
    ),
    *(
        "pub.7",
        "my..butt.nz",
        ".butt.nz",
        "a b.example.org",
        f"{'a' * 64}.example.org",
        f"{'a.' * 130}nz",
    ),
]
SCRIPT = """
const { createRequire } = require('node:module')
const ref = createRequire(process.argv[1] + '/package.json')('ssb-ref')
console.trace = () => {}
const asked = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const said = asked.map(([how, what]) => { try { return ref[how](what) } catch { return false } })
process.stdout.write(JSON.stringify(said))
"""


@pytest.fixture(scope="module")
def modules() -> str:
    return str(build(SETS / "oasis").path)


def ssb_ref(modules: str, asked: list[tuple[str, Any]]) -> list[Any]:
    """ssb-ref's answer to each of these calls, by name and argument."""
    command = [NODE, "-e", SCRIPT, modules]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_ssb_ref_reads_our_addresses(modules: str):
    addresses = [Address(host, PORT, KEYS.id) for host in TAKEN]
    texts = [text for address in addresses for text in (address.multiserver, address.legacy)]
    found = ssb_ref(modules, [("parseAddress", text) for text in texts])
    expected = [{"host": host, "port": PORT, "key": KEYS.id} for host in TAKEN for _ in range(2)]
    assert found == expected


def test_ssb_ref_reads_our_invites(modules: str):
    invites = [InviteCode(Address(host, PORT, KEYS.id), b"s" * 32) for host in TAKEN]
    texts = [text for invite in invites for text in (invite.code, invite.multiserver)]
    found = ssb_ref(modules, [("parseInvite", text) for text in texts])
    remotes = [invite.address.multiserver for invite in invites for _ in range(2)]
    assert [one["remote"] for one in found] == remotes
    assert [one["invite"] for one in found] == [invite.multiserver for invite in invites for _ in range(2)]


def test_announced_addresses_are_valid(modules: str):
    where = [{"host": host, "port": PORT, "key": KEYS.id} for host in TAKEN]
    assert ssb_ref(modules, [("isAddress", place) for place in where]) == [True] * len(where)


def test_we_know_which_hosts_apps_accept(modules: str):
    hosts = TAKEN + REFUSED
    asked = [("isAddress", {"host": host, "port": PORT, "key": KEYS.id}) for host in hosts]
    said = dict(zip(hosts, map(bool, ssb_ref(modules, asked)), strict=True))
    assert said == {host: apps_take(host) for host in hosts}


@pytest.mark.parametrize("host", IPV6)
def test_brackets_around_an_ipv6_address_are_left_out(host: str):
    """Other programs write them, and people paste them; no app in use dials them."""
    key = KEYS.id[1:].removesuffix(".ed25519")
    for text in (f"net:[{host}]:{PORT}~shs:{key}", f"[{host}]:{PORT}:{KEYS.id}"):
        assert Address.parse(text) == Address(host, PORT, KEYS.id)
