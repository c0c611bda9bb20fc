"""What must hold once the faults have ended. Bounded: `SETTLED` seconds to settle, then a while of calm."""

import subprocess
import sys
import time
from collections import Counter
from typing import Any

from chaos import guests, messages, money, samples, wishes
from chaos.calls import Cut
from chaos.disturbances import Disturbances
from chaos.journal import Journal
from chaos.people import Person, World
from chaos.processes import Processes
from tests.service import Service

SETTLED = 120.0
ENDS = {"running": "alive", "stopped": "stopped", "gone": "leaving"}


def check(
    world: World, people: list[Person], processes: Processes, wrong: Disturbances, journal: Journal
) -> None:
    people = [person for person in people if person.calls.token]
    bots = _settled(people, journal)
    wishes.are_granted(people, bots, journal)
    processes.are_wanted(bots)
    messages.are_kept(world.site, bots, world.spoken, journal)
    money.is_right(people, world.bank, journal)
    time.sleep(samples.WINDOW)
    guests.are_told_of(people, bots)
    samples.are_kept(people, bots, processes, wrong, journal)
    _nothing_left(world.site, journal)


def _settled(people: list[Person], journal: Journal) -> list[Any]:
    deadline = time.monotonic() + SETTLED
    while True:
        bots: list[Any] = []
        try:
            bots = list({bot["id"]: bot for person in people for bot in person.bots()}.values())
            odd = [bot for bot in bots if bot["state"] != ENDS[bot["wanted"]]]
            if bots and not odd:
                journal.say(f"settled: {dict(Counter(bot['state'] for bot in bots))}")
                return bots
        except Cut:
            odd = []
        if time.monotonic() > deadline:
            for bot in odd:
                journal.found(
                    f"{bot['name']} is wanted {bot['wanted']} and stays {bot['state']}: {bot['reason']}"
                )
            if not bots:
                journal.found("the service does not answer, or nobody has a bot")
            return bots
        time.sleep(0.5)


def _nothing_left(site: Service, journal: Journal) -> None:
    command = [sys.executable, "-m", "butt", "sweep", "--home", str(site.home)]
    swept = subprocess.run(
        command, env=site.environment, check=False, capture_output=True, text=True, timeout=60
    )
    if "Nothing is left behind" not in swept.stdout:
        journal.found(f"butt sweep: {swept.stdout} {swept.stderr[-300:]}")
    patterns = ("bots/*/*.draft", "bots/.gone-*", "imports/*.draft", "supervisor/**/*.draft")
    left = [path for pattern in patterns for path in site.home.glob(pattern)]
    if left:
        journal.found(f"left behind: {[str(path.relative_to(site.home)) for path in left]}")
