"""Files that a pub can make again never stop it: an index that is gone or damaged, and addresses that cannot
be used.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.pub.conftest import MakePub
from tests.pub.pubs import Client, Pub

KEY = "@HEqy940T6uB+T+d9Jaa58aNfRzLx9eRWqkZljBmnkmk=.ed25519"
USABLE = {"host": "pub.example.org", "port": 8008, "key": KEY, "source": "pub"}
BROKEN = [7, None, {}, {"key": KEY}, {"host": {}, "port": 1, "key": KEY}, {"address": 5}]
TRUTH = {"secret", "sequence", "log.offset", "offers.json"}


@pytest.fixture
def rested(make_pub: MakePub, client: Client) -> Pub:
    """A pub that has published something, made an invite, and was stopped."""
    pub = make_pub().start()
    client.call(pub, "publish", {"type": "post", "text": "hello"})
    client.call(pub, "butt.offer", {"id": client.keys["id"], "uses": 3, "note": "n", "expires": None})
    assert pub.stop() == 0
    return pub


def test_files_that_can_be_made_again_may_be_missing_or_damaged(rested: Pub, client: Client, tmp_path: Path):
    kept = shutil.copytree(rested.data, tmp_path / "kept")
    made_anew = [
        path.relative_to(kept)
        for path in sorted(kept.rglob("*"))
        if path.is_file() and path.name not in TRUTH
    ]
    assert Path("flume/index.sqlite") in made_anew
    for name in made_anew:
        for content in (None, b"\0garb{age" * 9):
            shutil.rmtree(rested.data)
            shutil.copytree(kept, rested.data)
            (rested.data / name).unlink()
            if content:
                (rested.data / name).write_bytes(content)
            rested.start()
            (invite,) = client.call(rested, "butt.invites", {})
            assert invite["left"] == 3
            message = client.call(rested, "getLatest", rested.id)
            assert message["value"]["sequence"] == rested.noted
            assert rested.stop() == 0


@pytest.mark.parametrize("text", [json.dumps([*BROKEN, USABLE]), "[{", "7", "", "[" * 50_000])
def test_addresses_that_cannot_be_used_are_left_out(rested: Pub, client: Client, text: str):
    (rested.data / "gossip.json").write_text(text)
    rested.start()
    peers = client.call(rested, "gossip.peers")
    assert [peer["host"] for peer in peers] == (["pub.example.org"] if "example" in text else [])
