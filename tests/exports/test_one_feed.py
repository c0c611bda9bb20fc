"""Whatever happens to a bot, no two messages of its feed ever share a sequence number.

A real pub, started as a host starts it: with the highest sequence that was ever seen of it.
"""

import shutil
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from butt.exports.parcel import Part
from butt.exports.tar import packed
from butt.hosts import parcels
from butt.hosts.interface import Folder
from tests.pub.pubs import Client, Pub, until

LOG_BEHIND, LOG_DAMAGED = 68, 69


class Feed(RuleBasedStateMachine):
    """`spoken` is what the world has seen; `known` is what the service remembers outside the bot."""

    release: Path
    client: Client

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.pub = Pub(self.release, self.place, master=[self.client.keys["id"]])
        self.spoken: dict[int, str] = {}
        self.known = 0
        self.copies: list[Path] = []
        self.tampered = False

    @property
    def runs(self) -> bool:
        return self.pub.process is not None and self.pub.process.poll() is None

    @property
    def behind(self) -> bool:
        """Whether the folder that is there now holds less than the world has seen."""
        found = parcels.parcel(Folder(self.place), Part.LOG).survey
        return found is not None and found.sequence < max(self.spoken, default=0)

    @precondition(lambda self: not self.runs)
    @rule()
    def start(self) -> None:
        """Runs in the end, on its own log where the one that was there is refused."""
        self.pub.config["sequence"] = self.known
        if self.pub.data.exists() and self.behind:
            self.spawn()
            assert self.pub.ended() in (LOG_BEHIND, LOG_DAMAGED)
            self.bring_back_its_own()
        self.spawn()
        assert self.pub.event("listening"), self.pub.output.read_text()
        self.tampered = False

    def spawn(self) -> None:
        self.pub.spawn()
        until(lambda: self.pub.event("listening") or self.pub.process.poll() is not None, 60)

    @precondition(lambda self: self.runs)
    @rule(count=st.integers(1, 3))
    def publish(self, count: int) -> None:
        for _ in range(count):
            message = self.client.call(self.pub, "publish", {"type": "post", "text": "hello"})
            sequence, key = message["value"]["sequence"], message["key"]
            assert self.spoken.setdefault(sequence, key) == key, f"forked at {sequence}"

    @precondition(lambda self: self.runs)
    @rule()
    def look(self) -> None:
        """As the monitor does."""
        (figures,) = self.client.call(self.pub, "butt.figures", {}, count=1)
        self.known = max(self.known, figures["sequence"])

    @precondition(lambda self: self.runs)
    @rule()
    def stop(self) -> None:
        self.look()
        assert self.pub.stop() == 0

    @precondition(lambda self: self.runs)
    @rule()
    def crash(self) -> None:
        self.pub.kill()

    @precondition(lambda self: self.spoken and not self.tampered)
    @rule()
    def export(self) -> None:
        """Also while it runs."""
        parcel = parcels.parcel(Folder(self.place), Part.ALL)
        place = self.place / f"copy{len(self.copies)}"
        with (self.place / "tar").open("wb") as file:
            file.writelines(packed(parcel.items, parcel.tar_size, 0))
        with tarfile.open(self.place / "tar") as archive:
            archive.extractall(place, filter="data")
        self.copies.append(place)

    @precondition(lambda self: self.copies and not self.runs and not self.tampered and self.all_is_known)
    @rule(data=st.data())
    def restore_an_old_copy_behind_its_back(self, data: st.DataObject) -> None:
        copy = data.draw(st.sampled_from(self.copies))
        self.put_aside()
        shutil.copytree(copy, self.pub.data)

    @precondition(lambda self: self.spoken and not self.runs and not self.tampered)
    @rule(size=st.integers(0, 2000))
    def cut_its_log(self, size: int) -> None:
        """The pub's own memory of its sequence stays, so nobody else need know."""
        if not self.is_remembered:
            return
        self.put_aside()
        shutil.copytree(self.place / "aside", self.pub.data)
        log = self.pub.data / "flume" / "log.offset"
        with log.open("r+b") as file:
            file.truncate(max(0, log.stat().st_size - size))

    @property
    def is_remembered(self) -> bool:
        """A pub that crashed may have had no time to note its last words; then its log must not be lost as well."""
        noted = self.pub.data / "sequence"
        return noted.exists() and int(noted.read_text()) >= max(self.spoken)

    @property
    def all_is_known(self) -> bool:
        return self.known >= max(self.spoken, default=0)

    def put_aside(self) -> None:
        shutil.rmtree(self.place / "aside", ignore_errors=True)
        self.pub.data.rename(self.place / "aside")
        self.tampered = True

    def bring_back_its_own(self) -> None:
        shutil.rmtree(self.pub.data)
        (self.place / "aside").rename(self.pub.data)
        self.tampered = False

    @invariant()
    def the_numbers_go_up_by_one(self) -> None:
        assert list(self.spoken) == list(range(1, len(self.spoken) + 1))

    def teardown(self) -> None:
        with suppress(ProcessLookupError):
            self.pub.kill()
        shutil.rmtree(self.place, ignore_errors=True)


def test_no_number_is_ever_used_twice(built_pub: Path):
    Feed.release, Feed.client = built_pub, Client(built_pub)
    try:
        run_state_machine_as_test(
            Feed,
            settings=settings(
                max_examples=8,
                stateful_step_count=14,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Feed.client.close()
