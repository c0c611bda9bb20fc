"""A process that writes is killed at any moment: what it acknowledged is there, and the next one continues at
once.
"""

import random
import subprocess
import sys
from pathlib import Path

from scuttlekit import KeyPair
from scuttlekit.offsetlog import survey
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import Store
from scuttlekit.pub.store.store import LOG
from tests.scuttlekit.store.voices import Voice

ROOT = Path(__file__).parents[3]
ROUNDS = 8


def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(folder: Path, own: KeyPair):
    folder.mkdir()
    chance = random.Random(1)
    alice = Voice("alice").id
    for _ in range(ROUNDS):
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.scuttlekit.store.writer", folder], stdout=subprocess.PIPE, cwd=ROOT
        )
        acknowledged = [int(writer.stdout.readline()) for _ in range(chance.randrange(1, 40))]
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
        writer.wait()
        writer.stdout.close()

        log = folder / LOG
        with log.open("rb") as file:
            found = survey(file, log.stat().st_size, own.id)
        assert not found.damaged
        assert found.sequence >= SequenceNote(folder).read() >= acknowledged[-1]
        store = Store.open(folder, own)
        assert store.ready.is_set()
        assert store.progress == (found.whole, found.whole)
        assert store.messages == found.records
        assert dict(store.clock) == {own.id: found.sequence, alice: found.records - found.sequence}
        last = store.read_feed(alice, after=found.records - found.sequence - 50)
        assert [one.value["sequence"] for one in last] == list(
            range(store.clock[alice] - 49, store.clock[alice] + 1)
        )
        store.close()
