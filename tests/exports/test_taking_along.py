"""A bot is exported while it lives: a stock ssb-server continues where it was."""

import asyncio
import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from butt.sources.releases import build
from scuttlekit import connect
from tests import stock
from tests.exports.living import add_blob, master_of, open_export, publish, save_export
from tests.service import Service, wait_for

MESSAGES, BLOBS, BLOB_SIZE = 2000, 40, 512 * 1024


@pytest.fixture(scope="module")
def stock_release() -> Path:
    return build(stock.STOCK).path


async def test_a_full_export_of_a_busy_bot_lives_on_in_a_stock_server(
    site: Service, stock_release: Path, tmp_path: Path
):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot)
    data = {}
    async with master_of(site, alive) as peer:
        for _ in range(BLOBS):
            blob = os.urandom(BLOB_SIZE)
            data[await add_blob(peer, blob)] = hashlib.sha256(blob).hexdigest()
        await publish(peer, MESSAGES)
        writing = asyncio.create_task(publish(peer, 8000, at_once=5))
        await asyncio.to_thread(save_export, alice, bot, "all", tmp_path / "my.tar")
        assert not writing.done(), "it was written to all the while"
        writing.cancel()
        theirs = await stock.feed_of(peer, most=10_000)
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)

    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "my.tar") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    described = json.loads((tmp_path / "data" / "export.json").read_text())
    assert described["id"] == alive["ssbId"]
    assert described["sequence"] >= MESSAGES
    assert described["blobs"] == {"count": BLOBS, "size": BLOBS * BLOB_SIZE}
    async with stock.stock_server(stock_release, tmp_path) as address:
        assert address.key == alive["ssbId"]
        async with connect(address, stock.MASTER) as peer:
            latest = await peer.call("getLatest", peer.id, timeout=60)
            assert latest["value"]["sequence"] == described["sequence"]
            found = await stock.feed_of(peer, most=10_000)
            assert list(found) == list(range(1, described["sequence"] + 1))
            assert found.items() <= theirs.items()
            for blob, digest in data.items():
                chunks = await peer.collect("blobs.get", blob, limit=1000)
                assert hashlib.sha256(b"".join(chunks)).hexdigest() == digest


def test_each_part_is_the_file_in_the_folder(site: Service, tmp_path: Path):
    bob = site.person("bob@example.org")
    bot = bob.names_a_bot("bobs")
    alive = bob.waits_for("alive", bot)
    asyncio.run(_speaks(site, alive))
    bob.asks("stop", bot)
    bob.waits_for("stopped", bot)
    folder = site.home / "bots" / bot["id"] / "data"
    names = {
        "secret": "secret",
        "gossip": "gossip.json",
        "log": "log.offset",
        "blobs": "blobs.tar",
        "all": "bobs.tar",
    }
    for part, name in names.items():
        answer = save_export(bob, bot, part, tmp_path / name)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Cache-Control"] == "no-store"
    assert (tmp_path / "secret").read_bytes() == (folder / "secret").read_bytes()
    assert (tmp_path / "log.offset").read_bytes() == (folder / "flume" / "log.offset").read_bytes()
    assert json.loads((tmp_path / "gossip.json").read_text()) == []
    with tarfile.open(tmp_path / "blobs.tar") as archive:
        (blob,) = archive.getmembers()
        assert archive.extractfile(blob).read() == (folder / blob.name).read_bytes() == b"a blob"


async def _speaks(site: Service, seen: object) -> None:
    async with master_of(site, seen) as peer:
        await add_blob(peer, b"a blob")
        await publish(peer, 3)


def test_a_closed_download_ends_the_work(site: Service):
    """The file of a running download is open in the server, and closed when nobody reads the download any
    more.
    """
    carol = site.person("carol@example.org")
    bot = carol.names_a_bot("carols")
    carol.waits_for("alive", bot)
    folder = site.home / "bots" / bot["id"] / "data"
    big = os.urandom(30_000_000)
    digest = hashlib.sha256(big).hexdigest()
    place = folder / "blobs" / "sha256" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True)
    place.write_bytes(big)
    public = site.part("public")

    answer = open_export(carol, bot, "blobs")
    answer.read(1000)
    wait_for(lambda: str(place) in {file.path for file in public.open_files()})
    answer.close()
    wait_for(lambda: str(place) not in {file.path for file in public.open_files()})
    assert save_export(carol, bot, "secret", folder.parent / "again").status == 200
