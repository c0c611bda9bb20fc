"""The steward is killed at every step of making a bot: in the end there is one, with one identity."""

import itertools
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from django.db.models.signals import post_save, pre_save

from butt.agents.actions import create_bot
from butt.agents.models import Progress
from butt.agents.states import State
from butt.hosts import Host, Order, Sighting
from butt.hosts.processes import Processes
from butt.sources.actions import upgrade
from butt.sources.builder import shelve
from butt.sources.kinds import kind_of
from butt.sources.releases import PUB_SOURCE, Built, digest_of, release
from tests.people import person
from tests.whole.by_hand import pubs_below, steward_of, turn_until, turn_until_proven
from tests.whole.workshop import programs_of


class Killed(BaseException):
    """Like `kill -9`: no error handling may catch it."""


class Killer:
    """Counts the steps before and after each write and each effect, and kills the steward at the chosen step."""

    def __init__(self, moment: int | None) -> None:
        self.moment, self.count = moment, itertools.count()

    def __call__(self, *_: object, **__: object) -> None:
        if next(self.count) == self.moment:
            raise Killed


class FragileHost:
    """A real host, seen by a steward that may be killed before and after each call."""

    def __init__(self, host: Host, killer: Killer) -> None:
        self._host, self._killer = host, killer

    def free_port(self, taken: frozenset[int]) -> int:
        self._killer()
        return self._host.free_port(taken)

    def apply(self, order: Order) -> None:
        self._killer()
        self._host.apply(order)
        self._killer()

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        return self._host.look(bot_ids)


@pytest.mark.django_db
@pytest.mark.parametrize("moment", range(9))
def test_one_bot_in_the_end(moment: int, host: Processes, tmp_path: Path):
    bot = create_bot(person("alice"), "my")
    killer = Killer(moment)
    pre_save.connect(killer, Progress)
    post_save.connect(killer, Progress)
    try:
        with suppress(Killed):
            turn_until(State.ALIVE, steward_of(FragileHost(host, killer)), bot)
    finally:
        pre_save.disconnect(killer, Progress)
        post_save.disconnect(killer, Progress)
    assert next(killer.count) > moment, "the steward was never killed: the bot was made in fewer steps"

    turn_until(State.ALIVE, steward_of(Processes(tmp_path)), bot)

    assert len(pubs_below(tmp_path / "bots")) == 1
    progress = Progress.objects.get(bot=bot)
    assert host.look([bot.id])[bot.id].ssb_id == progress.ssb_id
    assert progress.port is not None


@pytest.fixture
def better(tmp_path: Path, built_pub: Path) -> Iterator[Built]:
    """Another release of the pub, which differs by one line."""
    source = tmp_path / "better"
    programs, packages = programs_of(PUB_SOURCE), kind_of(PUB_SOURCE).packages
    shutil.copytree(PUB_SOURCE, source, ignore=shutil.ignore_patterns(packages, ".*", "__pycache__"))
    with (source / programs.main).open("a") as main:
        main.write(f"{programs.comment} better\n")
    made = release(digest_of(source))
    (source / packages).symlink_to(built_pub / packages)
    made.path.symlink_to(source)
    yield made
    made.path.unlink()


@pytest.mark.django_db
@pytest.mark.parametrize("moment", range(10))
def test_an_upgrade_ends_on_the_new_code_with_the_same_identity(
    moment: int, host: Processes, tmp_path: Path, better: Built
):
    alice = person("alice")
    bot = create_bot(alice, "my")
    turn_until(State.ALIVE, steward_of(host), bot)
    before = Progress.objects.get(bot=bot)
    shelve(better)
    upgrade(alice, bot)

    killer = Killer(moment)
    pre_save.connect(killer, Progress)
    post_save.connect(killer, Progress)
    try:
        with suppress(Killed):
            turn_until_proven(steward_of(FragileHost(host, killer), shelved=False), bot)
    finally:
        pre_save.disconnect(killer, Progress)
        post_save.disconnect(killer, Progress)
    assert next(killer.count) > moment, "the steward was never killed: the upgrade took fewer steps"

    turn_until_proven(steward_of(Processes(tmp_path), shelved=False), bot)

    after = Progress.objects.get(bot=bot)
    assert (after.state, after.release, after.previous) == (State.ALIVE, better.key, "")
    assert (after.ssb_id, after.upgrades, after.notice) == (before.ssb_id, 1, "")
    assert len(pubs_below(tmp_path / "bots")) == 1
