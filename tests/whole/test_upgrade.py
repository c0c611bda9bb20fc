"""Other code for a living bot: better code, and code that crashes, is silent, or eats the disk."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from butt.sources.releases import PUB_SOURCE, digest_of
from scuttlekit import Address, KeyPair, connect
from tests.service import Person, Service, wait_for

CRASHES = "throw new Error('this code is wrong')\n"
IS_SILENT = "setInterval(() => {}, 1e9)\n"
EATS_ITS_DISK = """\
const fs = require('fs')
const path = require('path')
const { path: data } = JSON.parse(fs.readFileSync(process.argv[2]))
const junk = fs.openSync(path.join(data, 'junk'), 'w')
try {
  while (true) fs.writeSync(junk, Buffer.alloc(1 << 20))
} catch {
  process.exit(74)
}
"""


# It neither ends nor answers, and takes every byte that becomes free.
HOLDS_ITS_DISK_FULL = """\
const fs = require('fs')
const path = require('path')
const { path: data } = JSON.parse(fs.readFileSync(process.argv[2]))
const junk = fs.openSync(path.join(data, 'junk'), 'w')
function eat (size) { try { while (true) fs.writeSync(junk, Buffer.alloc(size)) } catch {} }
function eatAll () { [1 << 20, 4096, 1].forEach(eat) }
eatAll()
setInterval(eatAll, 20)
"""


class Workshop:
    """Where the pub's source is changed; what it depends on is there already, so that a build takes no time."""

    def __init__(self, folder: Path, built: Path) -> None:
        self.folder, self._built, self.home = folder, built, Path()
        shutil.copytree(PUB_SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", ".*"))

    def writes(self, main: str) -> str:
        """Other code; the digest of its release."""
        # Not in the folder, where it would be other code as well, and be built.
        draft = self.folder.with_name("pub.draft")
        draft.write_text(main)
        return self._shelve(lambda: draft.replace(self.folder / "pub.js"), main)

    def _shelve(self, change: Any, main: str) -> str:
        copy = self.folder.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder, copy)
        (copy / "pub.js").write_text(main)
        digest = digest_of(copy)
        self._bring_packages(copy)
        (self.home / "releases").mkdir(exist_ok=True)
        copy.rename(self.home / "releases" / digest)
        change()
        return digest

    def _bring_packages(self, copy: Path) -> None:
        (copy / "node_modules").symlink_to(self._built / "node_modules")

    @property
    def own(self) -> str:
        return (PUB_SOURCE / "pub.js").read_text()


@pytest.fixture
def workshop(tmp_path: Path, built_pub: Path) -> Workshop:
    return Workshop(tmp_path / "source", built_pub)


@contextmanager
def service(home: Path, built_pub: Path, workshop: Workshop, start_seconds: int = 15) -> Iterator[Service]:
    workshop.home = home
    settings = {"pub_source": workshop.folder, "start_seconds": start_seconds, "trial_seconds": 3}
    site = Service(home, built_pub, **settings)
    workshop.writes(workshop.own + "// the first\n")
    with site:
        yield site


@pytest.fixture
def site(tmp_path: Path, built_pub: Path, workshop: Workshop) -> Iterator[Service]:
    with service(tmp_path / "home", built_pub, workshop) as running:
        yield running


def publishes(site: Service, bot: Any, text: str) -> None:
    async def publish() -> None:
        keys = KeyPair.load(site.home / "identity")
        async with connect(Address.parse(bot["address"]), keys) as peer:
            await peer.call("publish", {"type": "post", "text": text})

    asyncio.run(publish())


def feed(site: Service, bot: Any) -> list[tuple[int, str]]:
    async def read() -> list[tuple[int, str]]:
        keys = KeyPair.load(site.home / "identity")
        async with connect(Address.parse(bot["address"]), keys) as peer:
            messages = [m async for m in peer.source("createUserStream", {"id": bot["ssbId"]})]
        return [(m["value"]["sequence"], m["value"]["content"].get("text", "")) for m in messages]

    return asyncio.run(read())


def makes_a_bot(site: Service) -> tuple[Person, Any]:
    alice = site.person("alice@example.org")
    bot = alice.waits_for("alive", alice.names_a_bot("my"))
    publishes(site, bot, "before")
    return alice, bot


def upgrades(alice: Person, bot: Any, digest: str) -> Any:
    """Ask as soon as the release is there, and wait until that is over."""

    def asked() -> bool:
        return bool(alice.asks("upgrade", bot)["state"] == "upgrading")

    wait_for(asked)

    def over() -> Any:
        seen = alice.sees(bot)
        return seen if seen["state"] == "alive" and (seen["release"] == digest or seen["reason"]) else None

    return wait_for(over, 120)


def is_back(site: Service, alice: Person, bot: Any) -> Any:
    """How the bot is once it lives and says why it came back; a service without room may answer nothing for a while."""
    status, seen = site.ask("GET", f"/agents/{bot['id']}", token=alice.token)
    return seen if status == 200 and seen["state"] == "alive" and seen["reason"] else None


def test_better_code_keeps_identity_and_messages(site: Service, workshop: Workshop):
    alice, bot = makes_a_bot(site)
    better = workshop.writes(workshop.own + "// better\n")
    after = upgrades(alice, bot, better)
    assert (after["release"], after["ssbId"], after["reason"]) == (better, bot["ssbId"], None)
    assert (1, "before") in feed(site, after) or "before" in [text for _, text in feed(site, after)]
    publishes(site, after, "after")
    assert [number for number, _ in feed(site, after)] == list(range(1, len(feed(site, after)) + 1))
    assert len(site.pubs()) == 1


def test_an_operator_upgrades_all_in_waves_which_halt_at_bad_code(site: Service, workshop: Workshop):
    alice, bot = makes_a_bot(site)
    other = alice.waits_for("alive", alice.names_a_bot("other"))

    def upgrade_all() -> tuple[int, str]:
        command = [sys.executable, "-m", "butt", "upgrade", "--all", "--wave", "1", "--home", str(site.home)]
        done = subprocess.run(command, capture_output=True, text=True, env=site.environment, check=False)
        return done.returncode, done.stdout + done.stderr

    def is_shelved(number: int) -> bool:
        return f"Release {number}:" in upgrade_dry()

    def upgrade_dry() -> str:
        command = [sys.executable, "-m", "butt", "upgrade", "--all", "--dry-run", "--home", str(site.home)]
        return subprocess.run(
            command, capture_output=True, text=True, env=site.environment, check=True
        ).stdout

    workshop.writes(CRASHES)
    wait_for(lambda: is_shelved(2))
    code, said = upgrade_all()
    assert (code, "Halted: 100% of this wave failed." in said) == (1, True), said
    assert [alice.sees(b)["release"] for b in (bot, other)] == [bot["release"]] * 2

    better = workshop.writes(workshop.own + "// better\n")
    wait_for(lambda: is_shelved(3))
    code, said = upgrade_all()
    assert (code, "2 of 2: 1 upgraded" in said) == (0, True), said
    assert [alice.sees(b)["release"] for b in (bot, other)] == [better] * 2


@pytest.mark.parametrize(
    ("code", "waited_for", "why"),
    [(CRASHES, 60, "ended again and again"), (IS_SILENT, 15, "It did not answer within 15 s.")],
)
def test_code_that_does_not_come_alive_leads_back_by_itself(
    tmp_path: Path, built_pub: Path, workshop: Workshop, code: str, waited_for: int, why: str
):
    with service(tmp_path / "home", built_pub, workshop, waited_for) as site:
        leads_back(site, workshop, code, why)


def leads_back(site: Service, workshop: Workshop, code: str, why: str) -> None:
    alice, bot = makes_a_bot(site)
    bad = workshop.writes(code)
    after = upgrades(alice, bot, bad)
    assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
    assert "It is back on its earlier code" in after["reason"]
    assert why in after["reason"]
    assert "before" in [text for _, text in feed(site, after)]
    publishes(site, after, "after")
    assert len(site.pubs()) == 1
    assert not (site.home / "bots" / bot["id"] / "ballast").exists()


def test_code_that_eats_the_disk_leads_back_and_leaves_room(
    tmp_path: Path, built_pub: Path, workshop: Workshop
):
    bots = tmp_path / "home" / "bots"
    bots.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", bots], check=True)
    try:
        with service(tmp_path / "home", built_pub, workshop) as site:
            alice, bot = makes_a_bot(site)
            bad = workshop.writes(EATS_ITS_DISK)
            after = upgrades(alice, bot, bad)
            assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
            assert "The disk is full" in after["reason"]
            assert "before" in [text for _, text in feed(site, after)]
            assert not (bots / bot["id"] / "data" / "junk").exists()
            assert shutil.disk_usage(bots).free > 40 << 20
    finally:
        subprocess.run(["umount", "--lazy", bots], check=True)


def test_code_that_fills_the_disk_of_the_service_too_and_lives_on_leads_back(tmp_path: Path, built_pub: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", disk], check=True)
    try:
        (disk / "home").mkdir()
        workshop = Workshop(disk / "source", built_pub)
        with service(disk / "home", built_pub, workshop) as site:
            alice, bot = makes_a_bot(site)
            workshop.writes(HOLDS_ITS_DISK_FULL)
            wait_for(lambda: alice.asks("upgrade", bot)["state"] == "upgrading")
            after = wait_for(lambda: is_back(site, alice, bot), 120)
            assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
            assert "The disk is full" in after["reason"]
            assert "before" in [text for _, text in feed(site, after)]
            publishes(site, after, "after")
            assert len(site.pubs()) == 1
            assert shutil.disk_usage(disk).free > 40 << 20
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_rebuild_ends_alive_on_another_build_of_the_same(site: Service, workshop: Workshop):
    alice, bot = makes_a_bot(site)
    assert alice.asks("rebuild", bot)["state"] == "upgrading"
    wait_for(lambda: alice.sees(bot)["release"] == f"{bot['release']}-2", 240)
    after = alice.waits_for("alive", bot)
    assert after["ssbId"] == bot["ssbId"]
    assert not (site.home / "releases" / f"{bot['release']}-2" / "node_modules").is_symlink()
