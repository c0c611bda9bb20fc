"""New code for a living bot: better code, and code that crashes, is silent, or fills the disk."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, connect
from tests.service import Person, Service, wait_for
from tests.whole.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path, built_pub: Path) -> Workshop:
    return Workshop(tmp_path / "source", built_pub)


@contextmanager
def service(home: Path, built_pub: Path, workshop: Workshop, start_seconds: int = 15) -> Iterator[Service]:
    workshop.home = home
    settings = {"pub_source": workshop.folder, "start_seconds": start_seconds, "trial_seconds": 3}
    site = Service(home, built_pub, **settings)
    workshop.improves("the first")
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
        values = [message["value"] for message in messages]
        return [(value["sequence"], value["content"].get("text", "")) for value in values]

    return asyncio.run(read())


def makes_a_bot(site: Service) -> tuple[Person, Any]:
    alice = site.person("alice@example.org")
    bot = alice.waits_for("alive", alice.names_a_bot("my"))
    publishes(site, bot, "before")
    return alice, bot


def upgrades(alice: Person, bot: Any, digest: str) -> Any:
    """Ask as soon as the release exists, and wait until that is over."""

    def asked() -> bool:
        return bool(alice.asks("upgrade", bot)["state"] == "upgrading")

    wait_for(asked)

    def over() -> Any:
        seen = alice.sees(bot)
        return seen if seen["state"] == "alive" and (seen["release"] == digest or seen["reason"]) else None

    return wait_for(over, 120)


def is_back(site: Service, alice: Person, bot: Any) -> Any:
    """How the bot is once it lives and says why it came back; a service without disk space may answer nothing
    for a while.
    """
    status, seen = site.ask("GET", f"/agents/{bot['id']}", token=alice.token)
    return seen if status == 200 and seen["state"] == "alive" and seen["reason"] else None


def is_built(site: Service, number: int) -> bool:
    """Read from its tables: a command takes half a second of a processor each time it is asked."""
    with closing(sqlite3.connect(site.home / "butt.sqlite3")) as database:
        row = database.execute("SELECT 1 FROM sources_release WHERE number = ? AND state = 'ready'", [number])
        return row.fetchone() is not None


def test_better_code_keeps_identity_and_messages(site: Service, workshop: Workshop):
    alice, bot = makes_a_bot(site)
    better = workshop.improves("better")
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

    def waits_until_shelved(number: int) -> None:
        wait_for(lambda: is_built(site, number))
        assert f"Release {number}:" in upgrade_dry()

    def upgrade_dry() -> str:
        command = [sys.executable, "-m", "butt", "upgrade", "--all", "--dry-run", "--home", str(site.home)]
        return subprocess.run(
            command, capture_output=True, text=True, env=site.environment, check=True
        ).stdout

    workshop.writes(workshop.programs.crashes)
    waits_until_shelved(2)
    code, said = upgrade_all()
    assert (code, "Halted: 100% of this wave failed." in said) == (1, True), said
    assert [alice.sees(b)["release"] for b in (bot, other)] == [bot["release"]] * 2

    better = workshop.improves("better")
    waits_until_shelved(3)
    code, said = upgrade_all()
    assert (code, "2 of 2: 1 upgraded" in said) == (0, True), said
    assert [alice.sees(b)["release"] for b in (bot, other)] == [better] * 2


@pytest.mark.parametrize(
    ("code", "waited_for", "why"),
    [("crashes", 60, "ended again and again"), ("is_silent", 15, "It did not answer within 15 s.")],
)
def test_a_bot_goes_back_from_code_that_does_not_come_alive(
    tmp_path: Path, built_pub: Path, workshop: Workshop, code: str, waited_for: int, why: str
):
    with service(tmp_path / "home", built_pub, workshop, waited_for) as site:
        leads_back(site, workshop, code, why)


def leads_back(site: Service, workshop: Workshop, code: str, why: str) -> None:
    alice, bot = makes_a_bot(site)
    bad = workshop.writes(getattr(workshop.programs, code))
    after = upgrades(alice, bot, bad)
    assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
    assert "It went back to its earlier code" in after["reason"]
    assert why in after["reason"]
    assert "before" in [text for _, text in feed(site, after)]
    publishes(site, after, "after")
    assert len(site.pubs()) == 1
    assert not (site.home / "bots" / bot["id"] / "ballast").exists()


def test_a_bot_goes_back_from_code_that_fills_the_disk(tmp_path: Path, built_pub: Path, workshop: Workshop):
    bots = tmp_path / "home" / "bots"
    bots.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", bots], check=True)
    try:
        with service(tmp_path / "home", built_pub, workshop) as site:
            alice, bot = makes_a_bot(site)
            bad = workshop.writes(workshop.programs.eats_its_disk)
            after = upgrades(alice, bot, bad)
            assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
            assert "The disk is full" in after["reason"]
            assert "before" in [text for _, text in feed(site, after)]
            assert not (bots / bot["id"] / "data" / "junk").exists()
            assert shutil.disk_usage(bots).free > 40 << 20
    finally:
        subprocess.run(["umount", "--lazy", bots], check=True)


def test_a_bot_goes_back_from_code_that_fills_the_services_disk(tmp_path: Path, built_pub: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", disk], check=True)
    try:
        (disk / "home").mkdir()
        workshop = Workshop(disk / "source", built_pub)
        with service(disk / "home", built_pub, workshop) as site:
            alice, bot = makes_a_bot(site)
            workshop.writes(workshop.programs.holds_its_disk_full)
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


def test_a_rebuild_ends_alive_on_another_build_of_the_same_source(site: Service, workshop: Workshop):
    alice, bot = makes_a_bot(site)
    assert alice.asks("rebuild", bot)["state"] == "upgrading"
    wait_for(lambda: alice.sees(bot)["release"] == f"{bot['release']}-2", 240)
    after = alice.waits_for("alive", bot)
    assert after["ssbId"] == bot["ssbId"]
    rebuilt = site.home / "releases" / f"{bot['release']}-2"
    assert not any(path.is_symlink() for path in rebuilt.iterdir()), "it has packages of its own"
