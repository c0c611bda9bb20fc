"""What must hold: some of it at every moment, all of it once the faults have ended."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from butt.exports.offsetlog import FRAME, survey
from butt.hosts.interface import Folder
from chaos.journal import Journal
from chaos.people import Cut, Person, Spoken
from tests.service import Service

SETTLED = 120.0
ENDS = {"running": "alive", "stopped": "stopped", "gone": "leaving"}
WINDOW = 20
"""Seconds: a sample stands for 10 of them, and the newest may be of the stretch before."""


class OneProcess(threading.Thread):
    """Looks all the time that no identity runs twice."""

    def __init__(self, site: Service, journal: Journal) -> None:
        super().__init__(daemon=True)
        self.site, self.journal = site, journal
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(0.3):
            self.look()

    def look(self) -> None:
        runs = Counter(self._folder(pub) for pub in self.site.pubs())
        for folder, count in runs.items():
            if folder and count > 1:
                self.journal.found(f"{folder} runs {count} times")

    def _folder(self, pub: psutil.Process) -> str:
        try:
            return pub.cmdline()[-1]
        except (psutil.Error, IndexError):
            return ""


def check(site: Service, people: list[Person], spoken: Spoken, journal: Journal) -> None:
    """All that must hold in the end. Bounded: `SETTLED` seconds to settle, then `WINDOW` of calm."""
    bots = _settled(people, journal)
    _as_wished(people, bots, journal)
    _processes(site, bots, journal)
    _logs(site, bots, spoken, journal)
    _samples(people, bots, journal)
    _nothing_left(site, journal)


def _settled(people: list[Person], journal: Journal) -> list[Any]:
    deadline = time.monotonic() + SETTLED
    while True:
        bots: list[Any] = []
        try:
            bots = [bot for person in people if person.token for bot in person.bots()]
            odd = [bot for bot in bots if bot["state"] != ENDS[bot["wanted"]]]
            if not odd:
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
                journal.found("the service does not answer")
            return bots
        time.sleep(0.5)


def _as_wished(people: list[Person], bots: list[Any], journal: Journal) -> None:
    wanted = {bot["id"]: bot["wanted"] for bot in bots}
    for person in people:
        for bot_id, wish in person.wanted.items():
            if wish and wanted.get(bot_id, "gone") != wish:
                journal.found(f"{person.name} was told {wish} for {bot_id}; it is {wanted.get(bot_id)}")


def _processes(site: Service, bots: list[Any], journal: Journal) -> None:
    runs = Counter(Path(pub.cmdline()[-1]).parent.name for pub in site.pubs())
    expected = Counter(bot["id"] for bot in bots if bot["wanted"] == "running")
    if runs != expected:
        journal.found(f"processes {dict(runs)}, expected {dict(expected)}")


def _logs(site: Service, bots: list[Any], spoken: Spoken, journal: Journal) -> None:
    for bot in bots:
        folder = Folder(site.home / "bots" / bot["id"])
        feed = bot["ssbId"]
        if not feed:
            continue
        written = _own_messages(folder.data / "flume" / "log.offset", feed, journal)
        for sequence, key in spoken.keys.get(feed, {}).items():
            if sequence not in written:
                journal.found(f"{bot['name']} lost its acknowledged message {sequence}")
            elif written[sequence] != key:
                journal.found(f"{bot['name']} forked at {sequence}")


def _own_messages(log: Path, feed: str, journal: Journal) -> dict[int, str]:
    found: dict[int, str] = {}
    if not log.exists():
        return found
    with log.open("rb") as file:
        size = log.stat().st_size
        seen = survey(file, size, feed)
        if seen.damaged:
            journal.found(f"{log} is damaged")
        file.seek(0)
        data = file.read(seen.whole)
    at, previous = 0, None
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        message = json.loads(data[at + 4 : at + 4 + length])
        at += length + FRAME
        value = message["value"]
        if value["author"] != feed:
            continue
        if value["sequence"] in found or value["previous"] != previous:
            journal.found(f"{feed} forked at {value['sequence']} in its own log")
        found[value["sequence"]] = previous = message["key"]
    return found


def _samples(people: list[Person], bots: list[Any], journal: Journal) -> None:
    """In calm: no alive bot is without its samples."""
    alive = {bot["id"]: bot["name"] for bot in bots if bot["state"] == "alive"}
    time.sleep(2 * WINDOW if alive else 0)
    for person in people:
        for bot in person.bots():
            if bot["id"] not in alive:
                continue
            _, answer = person.call("GET", f"/agents/{bot['id']}/samples?range=1h", {200})
            moments = [datetime.fromisoformat(str(row[0])) for row in answer["rows"]][-2:]
            holes = [*moments, datetime.now(UTC)]
            if not moments or any((b - a).total_seconds() > WINDOW for a, b in pairwise(holes)):
                journal.found(f"{bot['name']} has a hole in its samples: {holes}")


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
