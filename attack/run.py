"""One run: quiet at first, then each kind of attacker in turn. Honest people use the service all the time."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from attack.attacker import Told, World
from attack.honest import Figures, Honest
from attack.watch import MIB, Watch, disk_of
from butt.sources.releases import PUB_SOURCE, build
from tests.attacks.machine import expected, joined, path_of
from tests.caddy import Caddy
from tests.doors import Door
from tests.rows import insert
from tests.service import Service, wait_for
from tests.visitor import Visitor

PEOPLE, BOTS, USES = 10, 2, 5
P95 = 0.5
"""Seconds."""

DISK = 128 * MIB
"""How much more the home folder may take, at any moment, than when it was quiet."""

LEFT = 32 * MIB
"""How much more it may take when an attacker is done."""

SETTLES = 20.0
PATIENCE = 120.0
"""Seconds beyond its time that an attacker has to end."""


@dataclass
class Stretch:
    """What was seen while one attacker was active; the first stretch is quiet."""

    name: str
    people: Figures
    memory: dict[str, int] = field(default_factory=dict)
    disk: int = 0
    left: int = 0
    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)


def run(
    seed: int,
    seconds: float,
    *,
    through_caddy: bool,
    timed: bool,
    together: bool,
    attackers: tuple[str, ...],
) -> list[str]:
    """What did not hold; empty if all is well. `together` runs all attackers at once, not one after the
    other.

    Without `timed`, people's waiting times are printed but not judged.
    """
    release = build(PUB_SOURCE).path
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="butt-attack-")))
        settings: dict[str, object] = {"billing": "stripe", "free_bots": 1}
        caddy = stack.enter_context(Caddy(folder / "caddy")) if through_caddy else None
        if caddy:
            settings["url"] = caddy.public.url
        site = stack.enter_context(Service(folder / "home", release, **settings))
        if caddy:
            caddy.is_before(site)
        public, private = (caddy.public, caddy.private) if caddy else (site.door, Door(site.private_port))
        people = _people(public, seed)
        world = _world(site, people, public, private, seed, seconds)
        watch = Watch(site)
        for thread in (watch, *people):
            thread.start()
        stretches = [_quiet(people, watch, seconds)]
        before = disk_of(site.home)
        for names in [attackers] if together else [(name,) for name in attackers]:
            stretches.append(_attacked(names, world, people, watch, site, before))
            _tell(stretches[-1])
        for thread in (*people, watch):
            thread.enough.set()
        for thread in (*people, watch):
            thread.join(60)
        findings = _findings(stretches, timed=timed)
        findings += [f"{part} did not live through it" for part in watch.ended()]
        log = (site.home / "up.log").read_text(errors="replace")
        findings += [f"an error in the log: {error}" for error in sorted(set(_errors_in(log)))]
        _table(stretches)
    return findings


def _people(door: Door, seed: int) -> list[Honest]:
    people = [Honest(door, number, seed) for number in range(PEOPLE)]
    for one in people:
        one.comes_in()
    for one in people[:BOTS]:
        one.makes_a_bot()
    for one in people[:BOTS]:
        wait_for(lambda one=one: one.is_alive)  # type: ignore[misc]
    for one in people:
        one.others = [secret.encode() for other in people if other is not one for secret in other.secrets()]
    return people


def _world(
    site: Service, people: list[Honest], public: Door, private: Door, seed: int, seconds: float
) -> World:
    """What attackers are given: their own accounts and bots, an invite, a machine, and other people's
    names.
    """
    with Visitor(public, "127.0.2.1") as evil:
        evil.registers("evil@example.org")
        body = {"type": "bot", "name": "evil", "service": "pub"}
        answer = evil.asks("POST", "/agents", body)
        assert answer.status == 201, answer
        bot_id = answer.json["id"]
        wait_for(lambda: evil.asks("GET", f"/agents/{bot_id}").json["state"] == "alive")
    victim = people[0]
    bot = victim.program.asks("GET", f"/agents/{victim.bot_id}").json
    meeting = {"name": "the meeting", "uses": USES}
    invite = victim.program.asks("POST", f"/agents/{victim.bot_id}/invites", meeting).json
    uploads = [expected("m1") for _ in range(3)]
    insert(site.home / "butt.sqlite3", *joined("m1"), *joined("m2"), *uploads)
    return World(
        name="",
        seed=seed,
        seconds=seconds,
        public=asdict(public),
        private=asdict(private),
        email="evil@example.org",
        bot_id=bot_id,
        victims=[name for one in people[:BOTS] for name in (one.bot_id, one.bot_name)],
        victim_email="victim@example.org",
        address=bot["address"],
        invite=invite["code"],
        uses=USES,
        join=invite["url"].removeprefix(public.url),
        uploads=[path_of(upload, "m1") for upload in uploads],
        secrets=[secret for one in people for secret in one.secrets()],
    )


def _quiet(people: list[Honest], watch: Watch, seconds: float) -> Stretch:
    figures = _begins(people, watch)
    time.sleep(max(seconds / 2, 8.0))
    quiet = Stretch("quiet", figures, watch.memory, watch.disk, watch.disk)
    _tell(quiet)
    return quiet


def _begins(people: list[Honest], watch: Watch) -> Figures:
    figures = Figures()
    for one in people:
        one.figures = figures
    watch.begins()
    return figures


def _attacked(
    names: Sequence[str], world: World, people: list[Honest], watch: Watch, site: Service, before: int
) -> Stretch:
    """All of them at once."""
    figures = _begins(people, watch)
    with ThreadPoolExecutor(len(names)) as pool:
        tolds = list(pool.map(lambda name: _told(replace(world, name=name)), names))
    stretch = Stretch(" + ".join(names), figures, watch.memory, watch.disk)
    for name, told in zip(names, tolds, strict=True):
        stretch.answers |= {f"{name}: {trick}": answers for trick, answers in told.answers.items()}
        stretch.found += [f"{name}: {what}" for what in told.found]
        if not told.answers:
            stretch.found.append(f"{name} did nothing")
    stretch.left = _settled(site.home, before)
    return stretch


def _told(world: World) -> Told:
    command = [sys.executable, "-m", "attack.attacker"]
    done = subprocess.run(
        command,
        input=json.dumps(asdict(world)),
        capture_output=True,
        text=True,
        timeout=world.seconds + PATIENCE,
        check=False,
    )
    return Told(**json.loads(done.stdout)) if done.returncode == 0 else Told(found=[done.stderr[-2000:]])


def _settled(home: Path, before: int) -> int:
    """The size of the home folder in bytes, once the work in progress has ended."""
    ends = time.monotonic() + SETTLES
    while (left := disk_of(home)) > before + LEFT and time.monotonic() < ends:
        time.sleep(0.5)
    return left


def _findings(stretches: list[Stretch], *, timed: bool) -> list[str]:
    quiet, *attacked = stretches
    found = [f"quiet: {error}" for error in sorted(set(quiet.people.errors))]
    for one in attacked:
        found += [f"{one.name}: an honest person's {error}" for error in sorted(set(one.people.errors))]
        found += one.found
        if timed and one.people.quantile(0.95) > P95:
            found.append(f"{one.name}: people's p95 is {one.people.quantile(0.95) * 1000:.0f} ms")
        for part, size in one.memory.items():
            if size > 2 * quiet.memory[part]:
                found.append(
                    f"{one.name}: {part} takes {size // MIB} MiB, {quiet.memory[part] // MIB} when quiet"
                )
        if one.disk - quiet.disk > DISK:
            found.append(f"{one.name}: the disk takes {(one.disk - quiet.disk) // MIB} MiB more")
        if one.left - quiet.left > LEFT:
            found.append(f"{one.name}: {(one.left - quiet.left) // MIB} MiB are left on the disk")
    return found


def _errors_in(log: str) -> list[str]:
    """The last line of each traceback."""
    found = []
    for part in log.split("Traceback (most recent call last):")[1:]:
        lines = part.splitlines()
        last = next((line for line in lines if line and not line.startswith((" ", "|"))), "")
        found.append(re.sub(r"0x[0-9a-f]+", "…", last[:300]))
    return found


def _tell(stretch: Stretch) -> None:
    """How each trick was answered."""
    print(f"{stretch.name}: {len(stretch.people.took)} things done by honest people", flush=True)
    slowest = sorted(stretch.people.slowest.items(), key=lambda each: -each[1])[:5]
    print("    slowest: " + ", ".join(f"{what} {took * 1000:.0f} ms" for what, took in slowest), flush=True)
    for trick, answers in sorted(stretch.answers.items()):
        said = ", ".join(f"{answer}: {count}" for answer, count in sorted(answers.items()))
        print(f"    {trick}: {said}", flush=True)


def _table(stretches: list[Stretch]) -> None:
    parts = list(stretches[0].memory)
    heads = [
        "",
        "done",
        "errors",
        "p50 ms",
        "p95 ms",
        *(f"{part} MiB" for part in parts),
        "disk MiB",
        "left MiB",
    ]
    rows = [heads, *(_row(one, parts) for one in stretches)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)), flush=True)


def _row(one: Stretch, parts: list[str]) -> list[str]:
    return [
        one.name,
        str(len(one.people.took)),
        str(len(one.people.errors)),
        f"{one.people.quantile(0.5) * 1000:.0f}",
        f"{one.people.quantile(0.95) * 1000:.0f}",
        *(str(one.memory.get(part, 0) // MIB) for part in parts),
        str(one.disk // MIB),
        str(one.left // MIB),
    ]
