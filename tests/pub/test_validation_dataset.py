"""The published data set of messages, over the wire: what the pub stores, and under which id."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scuttlekit import Address, KeyPair, Peer, RemoteError, connect
from scuttlekit.canonical import compact, parse
from tests.pub.test_strangers import NETWORK

MASTER = KeyPair(b"m" * 32)
DATASET = Path(__file__).parents[1] / "scuttlekit" / "validation_dataset" / "data.json"
CASES = [
    case
    for case in parse(DATASET.read_bytes())
    # The pub's network mixes no key into signatures, and of later messages nobody has those before.
    if case["hmacKey"] is None and case["state"] is None
]
VALID = [case for case in CASES if case["valid"]]
INVALID = [case for case in CASES if not case["valid"]]


@asynccontextmanager
async def master_of(pub) -> AsyncIterator[Peer]:
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    async with connect(address, MASTER, network=NETWORK) as peer:
        yield peer


@pytest.mark.parametrize("case", VALID, ids=range(len(VALID)))
async def test_what_is_valid_is_stored_under_its_id(make_pub, case):
    pub = make_pub(master=[MASTER.id]).start()
    async with master_of(pub) as peer:
        assert (await peer.call("add", case["message"]))["key"] == case["id"]
        assert compact(await peer.call("get", case["id"])) == compact(case["message"])


async def test_what_is_not_valid_is_refused_and_nothing_of_it_is_stored(make_pub):
    assert len(INVALID) > 30
    pub = make_pub(master=[MASTER.id]).start()
    async with master_of(pub) as peer:
        for case in INVALID:
            with pytest.raises(RemoteError):
                await peer.call("add", case["message"])
        assert await peer.collect("createLogStream", {}, limit=1) == []
