"""What vaulting takes: of a core beside 100 idle bots, of the time in which a pub takes in 10,000 messages, and of what is sent.

The storage is a folder on the same disk. The floors are what may be taken, a pub without a vault, and the same bytes compressed
as one. A bot that says a message a second is simulated for an hour: how many things it leaves in the vault. Then a real S3
server answers late, not at all, with errors, or says that it is full: whether the sender's memory grows.
"""

import asyncio
import hashlib
import logging
import os
import shutil
import statistics
import tempfile
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psutil
import pyrage
from obstore.store import LocalStore

from bench import replication
from bench.claims import claim
from bench.replication import MASTER, MESSAGES, Server, ours
from butt.sources.releases import build
from scuttlekit import connect
from tests.exports.living import publish
from tests.s3 import s3_server
from tests.tables import migrated
from tests.vault.between import Between
from tests.vault.folders import Folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

BOTS, SECONDS, ALLOWED = 100, 65.0, 2.0
"""`ALLOWED` is in percent of a core. The seconds are more than those between two looks for blobs, and between two that are told."""

ROUNDS = 3
HOUR, EVERY = 3_600, 5
"""Seconds of which each has a message, and after how many the keeper sends."""

FAULTS = ("busy", "late", "cut", "full", "twice", "")
WARM, FAULTY = 60, 600
"""Rounds of the sender, of which each has a message: before memory is measured first, and until it is measured last."""

BLOB = 2_000_000
GIB = 1 << 30


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["BUTT_HOME"] = home
        shutil.copyfile(migrated(), Path(home) / "butt.sqlite3")
        django.setup()
        idle(Path(home) / "idle")
        busy(Path(home) / "busy")
        faulty(Path(home) / "faulty")
        asyncio.run(intake(build().path, Path(home) / "intake"))


def idle(place: Path) -> None:
    """The keeper's own rounds, with its rows."""
    from butt.agents.models import Progress
    from tests.people import many_bots, person

    many_bots(person("alice"), BOTS)
    for progress in Progress.objects.all():
        folder = Folder(place / "bots" / str(progress.bot_id) / "data")
        folder.says(20)
        folder.has_blob(progress.bot_id.bytes)
        (folder.data / "gossip.json").write_text("[]")
        Progress.objects.filter(bot_id=progress.bot_id).update(ssb_id=folder.keys.id)
    keeper = keeper_of(place)[0]
    until = time.monotonic() + 8
    while time.monotonic() < until:  # Until all of it is there.
        time.sleep(keeper.round())
    began, cpu = time.monotonic(), time.process_time()
    while time.monotonic() < began + SECONDS:
        time.sleep(keeper.round())
    percent = 100 * (time.process_time() - cpu) / (time.monotonic() - began)
    print(f"  {BOTS} idle bots: {percent:.2f} % of a core", flush=True)
    claim(f"CPU of vaulting {BOTS} idle bots", percent, ALLOWED, "%", "what it may take")


def busy(place: Path) -> None:
    from butt.vault import keeper as sending
    from butt.vault.writing import things_of

    bot_id = uuid.uuid4()
    folder = Folder(place / "bots" / str(bot_id) / "data")
    keeper, writer, store = keeper_of(place)
    wait, sending.WAIT = sending.WAIT, 0.0
    for second in range(HOUR):
        folder.says(1, f"Something that somebody says in the second {second}.")
        if second % EVERY == EVERY - 1:
            keeper.send(bot_id, folder.keys.id)
    sending.WAIT = wait
    left, sends = sum(name.startswith("log/") for name, _ in things_of(store, bot_id)), HOUR // EVERY
    least = len(zlib.compress(folder.log.read_bytes()))
    print(f"  a message a second: {left} pieces of {sends} an hour are left;", end=" ")
    print(
        f"sent were {writer.sent / 1e6:.2f} MB for {least / 1e6:.2f} MB that are compressed as one",
        flush=True,
    )
    claim("pieces of an hour with a message a second", left, sends, "", "as they were sent")


def faulty(place: Path) -> None:
    """Each fault in its turn, for some rounds that retry, and then the storage is well for one."""
    from butt import storage
    from butt.storage import store_at
    from butt.vault import VaultAway
    from butt.vault import keeper as sending
    from butt.vault.writing import things_of

    logging.disable()
    storage.TRIES, sending.WAIT, sending.BLOBS_EVERY = timedelta(seconds=0.2), 0.0, 0.0
    bot_id = uuid.uuid4()
    folder = Folder(place / "bots" / str(bot_id) / "data")
    with s3_server() as bucket:
        between = Between(bucket["AWS_ENDPOINT"]).start()
        os.environ.update(bucket | {"AWS_ENDPOINT": between.url})
        store = store_at("s3://copies/vault")
        keeper, process, before, met = keeper_of(place, store)[0], psutil.Process(), 0, 0
        for number in range(FAULTY):
            if number == WARM:
                before = process.memory_info().rss
            folder.says(1)
            between.does(FAULTS[number // 5 % len(FAULTS)])
            try:
                keeper.send(bot_id, folder.keys.id)
            except VaultAway:
                met += 1
        after = process.memory_info().rss
        between.does("")
        keeper.send(bot_id, folder.keys.id)
        left = sum(1 for _ in things_of(store, bot_id))
        between.stop()
    mb = (before / 1e6, after / 1e6)
    print(f"  {FAULTY} rounds, of which {met} failed, left {left} things in the vault;", end=" ")
    print(f"the sender had {mb[0]:.1f} MB before and {mb[1]:.1f} MB after", flush=True)
    claim(f"memory of a sender after {FAULTY} rounds with faults", mb[1], mb[0], "MB", "before them")
    logging.disable(logging.NOTSET)
    sending.WAIT, sending.BLOBS_EVERY = 5.0, 30.0


async def intake(release: Path, place: Path) -> None:
    """In turns, with a vault and without."""
    took: dict[bool, list[float]] = {True: [], False: []}
    sent: list[tuple[float, float]] = []
    async with ours(release, made(place / "friend")) as friend:
        async with connect(friend.address, MASTER) as peer:
            await publish(peer, MESSAGES)
        for _ in range(ROUNDS):
            for is_kept, seconds in took.items():
                bot_id = uuid.uuid4()
                folder = made(place / "bots" / str(bot_id))
                async with ours(release, folder) as server:
                    with kept(place, bot_id, server, sent) if is_kept else nullcontext():
                        seconds.append((await replication.replicate(server, friend)).seconds)
    a, b = (statistics.median(took[is_kept]) for is_kept in took)
    print(
        f"  {MESSAGES:,} messages: with a vault {a:.2f} s, without {b:.2f} s, ratio {a / b:.2f}", flush=True
    )
    claim(f"{MESSAGES:,} messages taken in with a vault", a, b, "s", "without one")
    most, least = max(sent, key=lambda one: one[0] / one[1])
    claim("bytes sent to the vault", most, least, "MB", "compressed as one")


@contextmanager
def kept(place: Path, bot_id: uuid.UUID, server: Server, sent: list[tuple[float, float]]) -> Iterator[None]:
    """The bot is vaulted meanwhile, with a picture; at the end all of it is, and what that took is told."""
    data = place / "bots" / str(bot_id) / "data"
    picture = os.urandom(BLOB)
    path = data / "blobs" / "sha256" / (name := hashlib.sha256(picture).hexdigest())[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    keeper, writer, _ = keeper_of(place)
    over = threading.Event()

    def sends() -> None:
        from django.db import connection

        while not over.wait(1.0):
            keeper.send(bot_id, str(server.address.key))
        connection.close()

    thread = threading.Thread(target=sends)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    log = (data / "flume" / "log.offset").read_bytes()
    least = len(zlib.compress(log, 6)) + len(zlib.compress(picture, 6))
    print(f"  sent were {writer.sent / 1e6:.2f} MB, for {least / 1e6:.2f} MB compressed", flush=True)
    sent.append((writer.sent / 1e6, least / 1e6))


def keeper_of(place: Path, store: Any = None) -> Any:
    """One that sends to a folder or to `store`, with the writer that counts what it sends, and the store."""
    from butt.vault.keeper import VaultKeeper
    from butt.vault.writing import StoredDelta, VaultWriter

    class Counting(VaultWriter):
        sent = 0

        def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> StoredDelta:
            self.sent += len(sealed)
            return super()._put(bot_id, name, sealed)

    store = store or LocalStore(place / "vault", mkdir=True)
    key = pyrage.x25519.Identity.generate().to_public()
    writer = Counting(store, key, key)
    return VaultKeeper(writer, place / "bots", GIB), writer, store


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main()
