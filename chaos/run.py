"""One run: people and faults together, then a calm time, then the checks."""

import contextlib
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from butt.sources.releases import PUB_SOURCE, build
from chaos import money, network
from chaos.clock import Clock
from chaos.code import Code, without_registries
from chaos.database import restartable
from chaos.disturbances import Disturbances
from chaos.faults import Faults
from chaos.journal import Journal
from chaos.people import Person, World
from chaos.processes import Processes
from chaos.truths import check
from chaos.wishes import leaves_what_crashes
from tests.service import Service
from tests.stock import STOCK
from tests.whole.guest import Guest

PEOPLE = ("ada", "ben")
DISK = "1G"
MENDED = 60.0
"""Seconds: a worker that was killed while it looked at somebody's payment holds that for 30."""


def run(seed: int, seconds: float, on_postgres: bool) -> list[str]:
    """What was found; empty if all is well. Runs alone in its process, which it moves into another
    network.
    """
    journal = Journal()
    # While a registry can be reached and no disk is full: later there may be neither.
    pub, guests = build(PUB_SOURCE).path, build(STOCK).path
    chance = random.Random(f"{seed}/faults")
    with contextlib.ExitStack() as stack:
        offline = without_registries(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        away = network.apart()
        journal.say("a network of its own" if away else "no network of its own: it stays as good as it is")
        folder, small = stack.enter_context(_disk())
        journal.say(f"a disk of {DISK}" if small else "no disk of its own: none is filled")
        keep_days, grace_days = chance.choice((0, 7)), chance.choice((0, 7))
        settings: dict[str, object] = {"keep_days": keep_days, "grace_days": grace_days}
        settings |= {"billing": "stripe", "bots_per_person": 100}
        restart = None
        if on_postgres:
            settings["database_url"], restart = stack.enter_context(restartable())
        code, clock = Code(folder / "source"), Clock(folder)
        journal.say("a clock of its own" if clock.environment else "no compiler: the clock stays right")
        site = Service(folder / "home", pub, pub_source=code.folder, **settings)
        site.environment |= clock.environment
        if away:
            site.environment |= offline
        stack.enter_context(site)
        friend = Guest(guests, folder / "friend")
        stack.callback(friend.leave)
        world = World(site, journal, friend, keep_days)
        people = [Person(world, name, str(seed)) for name in PEOPLE]
        processes, wrong = Processes(site, journal), Disturbances()
        watch = money.Watch(world.bank, processes, journal)
        faults = Faults(site, journal, chance, small, restart, away, code, clock, world.bank, wrong)
        for thread in (processes, watch, *people):
            thread.start()
        _trouble(faults, chance, seconds)
        journal.say("peace")
        _peace(people, code)
        check(world, people, processes, wrong, journal)
        for thread in (processes, watch):
            thread.enough.set()
            thread.join(timeout=10)
        journal.say(f"answers: {dict(sorted(journal.answers.items()))}")
        if journal.findings:
            _tell(site)
    return journal.findings


def _peace(people: list[Person], code: Code) -> None:
    """People repair what people broke: code that crashes, and cards without money."""
    for person in people:
        person.enough.set()
    for person in people:
        person.join(timeout=60)
    code.mend()
    for person in people:
        if person.id:
            _mends(person, "come in", Person.is_in)
            _mends(person, "enter a card", money.mends)
            _mends(person, "leave code that crashes", leaves_what_crashes, code)


def _mends(person: Person, what: str, mends: Callable[..., bool], *arguments: object) -> None:
    deadline = time.monotonic() + MENDED
    while not person.tries(mends, person, *arguments):
        if time.monotonic() > deadline:
            person.journal.found(f"{person.name} cannot {what}")
            return
        time.sleep(0.5)


def _trouble(faults: Faults, chance: random.Random, seconds: float) -> None:
    end = time.monotonic() + seconds
    time.sleep(min(5.0, seconds / 4))
    while time.monotonic() < end:
        faults.one()
        time.sleep(chance.uniform(0.5, 4))


@contextmanager
def _disk() -> Iterator[tuple[Path, bool]]:
    """A folder, and whether it is a small disk that can be filled without harm to others."""
    with tempfile.TemporaryDirectory(prefix="butt-chaos-") as name:
        place = Path(name) / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "butt-chaos", str(place)]
        small = (
            os.geteuid() == 0
            and not subprocess.run(mount, check=False, capture_output=True, timeout=10).returncode
        )
        try:
            yield place, small
        finally:
            if small:
                subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=10)


def _tell(site: Service) -> None:
    """The end of the service's own log, because its folder is removed."""
    print((site.home / "up.log").read_text(errors="replace")[-6000:])
