"""Whatever happens between two starts: what was acknowledged is there, and the index says what the log says.

The machine is a pub's folder that is written, killed, cut, filled with garbage, and whose index is lost, broken or older. The
model is a list of what was stored.
"""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scuttlekit import KeyPair, canonical
from scuttlekit.graph import Graph
from scuttlekit.offsetlog import FRAME
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import RELATIONS, Behind, NotReady, Search, Store, Stored
from scuttlekit.pub.store.store import INDEX, LOG
from tests.fuzzing import FUZZ
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.store.voices import Voice

OWN = KeyPair(b"o" * 32)
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""No test of the disk itself: it would wait for a real one at each step."""

NAMES = ["alice", "bob", "carol", "own"]
FEEDS = [Voice(name, OWN if name == "own" else None).id for name in NAMES]

GARBAGE = {"zeros": bytes(4096), "ones": b"\xff" * 4096, "noise": random.Random(1).randbytes(4096)}

odd = texts.map(lambda text: canonical.parse(text.encode()))
values = odd | st.sampled_from([*FEEDS, True, False, None, "", "\0", "\ud800"])
contents = st.tuples(
    st.sampled_from(["contact", "contact", "about", "post", "\ud800\0\udc00"]),
    st.dictionaries(
        st.sampled_from(
            ["contact", "following", "blocking", "flagged", "about", "name", "note", "pub", "text"]
        ),
        values,
    ),
    odd,
).map(lambda drawn: {**(drawn[2] if isinstance(drawn[2], dict) else {}), **drawn[1], "type": drawn[0]})


class Known(NamedTuple):
    """A message of the model."""

    key: str
    author: str
    sequence: int
    content: Any
    ends: int


class Folder(RuleBasedStateMachine):
    store: Store | None = None

    @initialize()
    def begins(self) -> None:
        self.home = Path(tempfile.mkdtemp(dir=IN_MEMORY))
        self.folders = (self.home / str(number) for number in count())
        self.folder = next(self.folders)
        self.runner = asyncio.Runner()
        self.known: list[Known] = []
        self.left: list[Store] = []
        self.kept_index: Path | None = None
        self.starts()

    def teardown(self) -> None:
        if self.store:
            self.store.close()
        for store in self.left:
            store.close()
        self.runner.close()
        shutil.rmtree(self.home)

    # While it runs

    @precondition(lambda self: self.store)
    @rule(name=st.sampled_from(NAMES), contents=st.lists(contents, min_size=1, max_size=4))
    def takes_in(self, name: str, contents: list[Any]) -> None:
        """Of its own feed too, as a pub does that catches up."""
        voice = self.voice(name)
        messages = [voice.says(content) for content in contents]
        self.remember(self.on_the_loop(lambda: self.store.append(messages)))

    @precondition(lambda self: self.store)
    @rule(content=contents)
    def publishes(self, content: Any) -> None:
        if self.note.latest > self.sequence_of(OWN.id):
            try:
                self.run(lambda: self.store.publish(content))
            except Behind:
                return
            raise AssertionError("the log is behind")
        published = self.run(lambda: self.store.publish(content))
        assert published.value["sequence"] == self.sequence_of(OWN.id) + 1
        self.remember([published])
        assert SequenceNote(self.folder).read() == published.value["sequence"]

    @precondition(lambda self: self.store)
    @rule()
    def has_all_on_the_disk(self) -> None:
        self.run(self.store.flush)

    # How it ends

    @precondition(lambda self: self.store)
    @rule()
    def ends(self) -> None:
        self.store.close()
        self.note.close()
        self.store = None

    @precondition(lambda self: self.store)
    @rule()
    def is_killed(self) -> None:
        """What the files hold at this moment is all that is left: here, a copy of them."""
        folder = next(self.folders)
        shutil.copytree(self.folder, folder)
        self.left.append(self.store)
        self.folder, self.store = folder, None

    # What happens to its files

    @precondition(lambda self: not self.store)
    @rule(share=st.integers(1, 99))
    def loses_its_end(self, share: int) -> None:
        size = self.log.stat().st_size
        end = max(0, size - max(1, size * share // 300))
        os.truncate(self.log, end)
        self.known = [one for one in self.known if one.ends <= end]

    @precondition(lambda self: not self.store)
    @rule(garbage=st.binary(max_size=300))
    def has_garbage_after_its_end(self, garbage: bytes) -> None:
        size = self.log.stat().st_size
        data = bytearray(garbage)
        for at in range(3, len(data)):
            # An end of a record is where these 4 bytes tell their own place.
            if int.from_bytes(data[at - 3 : at + 1]) == size + at + 1:
                data[at] ^= 1
        with self.log.open("ab") as file:
            file.write(data)

    @precondition(lambda self: not self.store)
    @rule()
    def loses_its_index(self) -> None:
        self.index.unlink(missing_ok=True)

    @precondition(lambda self: not self.store and self.index.exists())
    @rule(share=st.integers(0, 99))
    def has_an_index_that_is_cut(self, share: int) -> None:
        os.truncate(self.index, self.index.stat().st_size * share // 100)

    @precondition(lambda self: not self.store and self.index.exists())
    @rule(data=st.data())
    def has_an_index_with_a_page_of_garbage(self, data: st.DataObject) -> None:
        pages = self.index.stat().st_size // 4096
        with self.index.open("r+b") as file:
            file.seek(4096 * data.draw(st.integers(0, max(pages - 1, 0))))
            file.write(GARBAGE[data.draw(st.sampled_from(sorted(GARBAGE)))])

    @precondition(lambda self: not self.store and self.index.exists())
    @rule()
    def has_its_index_kept(self) -> None:
        self.kept_index = Path(shutil.copy(self.index, self.home / "kept"))

    @precondition(lambda self: not self.store and self.kept_index)
    @rule()
    def has_an_older_index(self) -> None:
        self.loses_its_index()
        for side in self.index.parent.glob("index.sqlite-*"):
            side.unlink()
        shutil.copy(self.kept_index, self.index)

    @precondition(lambda self: not self.store and self.known)
    @rule(data=st.data())
    def has_a_record_deleted(self, data: st.DataObject) -> None:
        """As flumelog-offset does it: zeros over all of it. What an older index still says of it is another test's."""
        one = data.draw(st.sampled_from(self.known))
        begins = max((other.ends for other in self.known if other.ends < one.ends), default=0)
        begins = self.begins_after(begins)
        with self.log.open("r+b") as file:
            file.seek(begins + 4)
            file.write(bytes(one.ends - begins - FRAME))
        self.known.remove(one)
        self.loses_its_index()
        self.kept_index = None

    @precondition(lambda self: not self.store)
    @rule()
    def starts(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.note = SequenceNote(self.folder)
        self.note.read()
        self.store = Store.open(self.folder, OWN, self.note)
        self.run(self.store.index)
        self.note.begin()
        self.note.note(self.sequence_of(OWN.id))

    # What holds

    @invariant()
    def holds_all_that_was_acknowledged(self) -> None:
        if self.store:
            self.on_the_loop(self.compare)

    def compare(self) -> None:
        store = self.store
        assert store
        assert [one.key for one in store.read_log()] == [one.key for one in self.known]
        assert [one.key for one in store.read_log(reverse=True)] == [one.key for one in self.known][::-1]
        assert dict(store.clock) == {feed: self.sequence_of(feed) for feed in FEEDS if self.sequence_of(feed)}
        assert (store.messages, store.feeds) == (len(self.known), len(store.clock))
        for feed in FEEDS:
            of_feed = [one for one in self.known if one.author == feed]
            assert [one.key for one in store.read_feed(feed)] == [one.key for one in of_feed]
            head = store.head(feed)
            assert (head and head.sequence) == (of_feed[-1].sequence if of_feed else None)
            assert (head and head.key) == (of_feed[-1].key if of_feed else None)
            assert store.name_of(feed) == _name_in(of_feed)
        assert all(store.get(one.key).key == one.key for one in self.known)
        assert store.progress == (self.log.stat().st_size,) * 2
        graph = Graph()
        noted = []
        for one in self.known:
            graph.hears(one.author, one.content)
            if (
                one.author == OWN.id
                and Graph().hears("", one.content)
                and isinstance(one.content.get("note"), str)
            ):
                noted.append(one.key)
        for feed in FEEDS:
            assert store.graph.relations(feed) == graph.relations(feed)
        members, _ = store.find_members(Search(relations=tuple(RELATIONS)))
        assert {one.id: RELATIONS[one.relation] for one in members} == graph.relations(OWN.id)
        assert [one.key for one in store.invite_uses()] == noted

    # Parts

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def index(self) -> Path:
        return self.folder / INDEX

    def sequence_of(self, feed: str) -> int:
        return max((one.sequence for one in self.known if one.author == feed), default=0)

    def voice(self, name: str) -> Voice:
        voice = Voice(name, OWN if name == "own" else None)
        voice.head = self.store.head(voice.id)
        return voice

    def remember(self, stored: list[Stored]) -> None:
        for one in stored:
            value = one.value
            ends = one.offset + len(one.record) + FRAME
            self.known.append(Known(one.key, value["author"], value["sequence"], value["content"], ends))

    def begins_after(self, place: int) -> int:
        """Where the record begins that follows one that ends at `place`, if those between were deleted."""
        data = self.log.read_bytes()
        while True:
            length = int.from_bytes(data[place : place + 4])
            if any(data[place + 4 : place + 4 + length]):
                return place
            place += length + FRAME

    def run(self, start: Callable[[], Awaitable[Any]]) -> Any:
        return self.runner.run(self.patiently(start))

    def on_the_loop(self, call: Callable[[], Any]) -> Any:
        async def start() -> Any:
            return call()

        return self.runner.run(self.patiently(start))

    async def patiently(self, start: Callable[[], Awaitable[Any]]) -> Any:
        """A broken index may show only when it is asked. Then it is made again once, and all is well."""
        try:
            return await start()
        except NotReady:
            async with asyncio.timeout(60):
                await self.store.ready.wait()
            return await start()


def _name_in(messages: list[Known]) -> str | None:
    name = None
    for one in messages:
        match one.content:
            case {"type": "about", "about": str(about), "name": str(said)} if about == one.author:
                name = said
    return name


Folder.TestCase.settings = settings(
    max_examples=40 * FUZZ, stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None
)
TestWhateverHappens = Folder.TestCase
