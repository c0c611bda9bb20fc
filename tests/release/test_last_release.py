"""From the last release to this code, and back, while a bot lives.

The last release lies beside this file as its wheel, so that a clone without history or tags has it, too. Whoever makes a
release puts its wheel there in place of the one before.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.service import Person, Service
from tests.whole.test_upgrade import feed, publishes, upgrades

ROOT = Path(__file__).parents[2]
(WHEEL,) = (Path(__file__).parent / "last").glob("butt-*.whl")
A_BUILD = 300.0
"""Seconds in which a service starts that builds the pub."""


class Upgraded(Service):
    """`butt up` of one version or the other, over one home folder."""

    def __init__(self, home: Path, built_pub: Path) -> None:
        super().__init__(home, built_pub, from_nothing=True, trial_seconds=3)
        self.patience = A_BUILD
        self.last = home.parent / "last"
        self.empty = home.parent / "empty.sqlite3"
        """The tables of the last release, with nobody in them."""
        with zipfile.ZipFile(WHEEL) as wheel:
            wheel.extractall(self.last)
        # Else Python would look for the command in the folder that we are in, before any other place.
        self.environment["PYTHONSAFEPATH"] = "1"

    def runs_the_last_release(self) -> None:
        """With the packages that this environment has: what is tried is our own code."""
        self.environment["PYTHONPATH"] = str(self.last)

    def runs_this_code(self) -> None:
        self.environment["PYTHONPATH"] = str(ROOT)

    def does(self, *command: str) -> str:
        """What `butt COMMAND` prints. It must succeed."""
        line = [sys.executable, "-m", "butt", *command, "--home", str(self.home)]
        ran = subprocess.run(
            line, check=False, env=self.environment, capture_output=True, text=True, timeout=A_BUILD
        )
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        return ran.stdout

    def code(self) -> Path:
        """Where the code lies that `butt` would run now."""
        line = [sys.executable, "-c", "import butt; print(butt.__file__)"]
        said = subprocess.run(line, env=self.environment, check=True, capture_output=True, text=True)
        return Path(said.stdout.strip())


@pytest.fixture
def site(tmp_path: Path, built_pub: Path) -> Iterator[Upgraded]:
    site = Upgraded(tmp_path / "home", built_pub)
    site.runs_the_last_release()
    site.does("manage", "migrate", "-v0")
    shutil.copyfile(site.home / "butt.sqlite3", site.empty)
    with site:
        yield site


def test_a_bot_lives_on_through_an_upgrade_and_the_way_back(site: Upgraded):
    assert site.code().is_relative_to(site.last)
    alice = site.person("alice@example.org")
    bot = alice.waits_for("alive", alice.names_a_bot("my"), A_BUILD)
    invite = alice.call("POST", f"/agents/{bot['id']}/invites", {"name": "for bob"})
    publishes(site, bot, "by the last release")
    kept = site.home.parent / "kept.zip"
    site.does("backup", str(kept))
    (pub,) = site.pubs(bot)

    site.kill()
    site.runs_this_code()
    assert site.code().is_relative_to(ROOT)
    site.up()
    after = _lives_on(alice, bot, pub)
    (told,) = alice.call("GET", f"/agents/{bot['id']}/invites")["invites"]
    assert (told["id"], told["url"], told["code"]) == (invite["id"], invite["url"], invite["code"])
    publishes(site, bot, "by the last release, under this service")
    after = upgrades(alice, bot, _newest(site, bot))
    assert (after["release"], after["ssbId"]) == (_newest(site, bot), bot["ssbId"])
    publishes(site, bot, "by this release")
    (pub,) = site.pubs(bot)

    site.kill()
    for file in site.home.glob("butt.sqlite3*"):
        file.unlink()
    shutil.copyfile(site.empty, site.home / "butt.sqlite3")
    site.runs_the_last_release()
    site.does("restore", str(kept))
    site.up()
    back = alice.waits_for("alive", bot, A_BUILD)
    assert back["ssbId"] == bot["ssbId"]
    publishes(site, back, "and back")

    told_of = feed(site, back)
    posts = [text for _, text in told_of if text]
    assert posts == [
        "by the last release",
        "by the last release, under this service",
        "by this release",
        "and back",
    ]
    assert [number for number, _ in told_of] == list(range(1, len(told_of) + 1)), "no number twice"
    assert len(site.pubs(back)) == 1


def _lives_on(alice: Person, bot: Any, pub: psutil.Process) -> Any:
    after = alice.waits_for("alive", bot, A_BUILD)
    assert (after["ssbId"], after["address"]) == (bot["ssbId"], bot["address"])
    assert pub.is_running(), "the bot did not stop for it"
    return after


def _newest(site: Upgraded, bot: Any) -> str:
    """The release that this code's service built or found, which is another than the bot's first."""
    from butt.resources import PUB_SOURCE
    from butt.sources.releases import digest_of

    newest = digest_of(PUB_SOURCE)
    assert newest != bot["release"], "the last release has the pub of this code: nothing is upgraded"
    return newest


def test_the_wheel_is_of_the_last_version_that_the_changelog_tells_of():
    """Of the one before this version, where there is one: so that nobody forgets to put the next one here."""
    told = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    last = told[1] if len(told) > 1 else told[0]
    assert WHEEL.name == f"butt-{last}-py3-none-any.whl", (
        f"build {last} with `make release`, and put its wheel into {WHEEL.parent.relative_to(ROOT)} alone"
    )
