"""A pub's store that is written until it is killed: FOLDER. It prints each sequence of its own that it acknowledges."""

import asyncio
import sys
from pathlib import Path

from scuttlekit import KeyPair
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import Store
from tests.scuttlekit.store.voices import Voice


async def main(folder: Path) -> None:
    note = SequenceNote(folder)
    note.read()
    note.begin()
    store = Store.open(folder, KeyPair(b"o" * 32), note)
    await store.index()
    alice = Voice("alice")
    alice.head = store.head(alice.id)

    async def publish() -> None:
        while True:
            said = await store.publish({"type": "post", "text": "mine"})
            sys.stdout.write(f"{said.value['sequence']}\n")
            sys.stdout.flush()

    async def take_in() -> None:
        while True:
            store.append(alice.posts(*["x" * 500] * 20))
            await asyncio.sleep(0)

    await asyncio.gather(publish(), publish(), take_in())


asyncio.run(main(Path(sys.argv[1])))
