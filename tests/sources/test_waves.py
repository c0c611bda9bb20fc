"""Upgrading all bots in waves, with the test as the steward."""

from datetime import timedelta

import pytest

from butt.agents.models import Agent, JournalEntry, Progress, Wanted
from butt.agents.states import State
from butt.sources import shelf, waves
from butt.sources.models import Release
from tests.people import many_bots, person

pytestmark = pytest.mark.django_db

PATIENCE = timedelta(minutes=1)


@pytest.fixture
def target() -> Release:
    """Three bots that run an older release than this one."""
    for digest in ("aaaa", "bbbb"):
        shelf.finish(shelf.found(digest, {}, "24"))
    many_bots(person("alice"), 3)
    Progress.objects.update(release="aaaa")
    return shelf.newest()


def names(found: list[Agent]) -> list[str]:
    return [bot.name for bot in found]


def takes(name: str, *, back: bool = False) -> None:
    """Move a bot to the release that it was asked to run, or back, as the steward does."""
    wanted = Wanted.objects.get(bot__name=name)
    done = {"upgrades": wanted.upgrades, "previous": "", "state": State.ALIVE}
    told = {"refused": wanted.release, "notice": "It crashed."} if back else {"release": wanted.release}
    Progress.objects.filter(bot__name=name).update(**done, **told)


def test_a_wave_is_followed_until_each_is_through(target: Release):
    bots = waves.behind(target)
    assert names(bots) == ["bot0", "bot1", "bot2"]
    asked = waves.ask(bots[:2], target)
    steps = iter([lambda: takes("bot0"), lambda: takes("bot1", back=True)])

    def time_passes() -> None:
        next(steps)()

    wave = waves.follow(asked, target, patience=PATIENCE, pause=time_passes)
    assert (wave.upgraded, wave.failed, wave.late) == (1, {"bot1": "It crashed."}, [])
    assert wave.share_failed == 0.5
    assert JournalEntry.objects.filter(actor="operator", what="upgrade").count() == 2


def test_running_again_continues_with_bots_that_are_behind(target: Release):
    waves.ask(waves.behind(target)[:2], target)
    takes("bot0")
    takes("bot1", back=True)
    assert names(waves.behind(target)) == ["bot2"]
    assert names(waves.behind(target, again=True)) == ["bot1", "bot2"]


def test_a_bot_that_is_being_upgraded_is_not_asked_again(target: Release):
    bots = waves.behind(target)
    waves.ask(bots, target)
    waves.ask(bots, target)
    assert set(Wanted.objects.values_list("upgrades", flat=True)) == {1}


def test_a_bot_that_takes_too_long_is_reported(target: Release):
    asked = waves.ask(waves.behind(target)[:1], target)
    wave = waves.follow(asked, target, patience=timedelta(0), pause=lambda: None)
    assert wave.late == ["bot0"]
    assert wave.share_failed == 1


def test_stopped_and_leaving_bots_are_treated_as_they_are(target: Release):
    Wanted.objects.filter(bot__name="bot0").update(run=False)
    Progress.objects.filter(bot__name="bot0").update(state=State.STOPPED)
    Wanted.objects.filter(bot__name="bot1").update(gone_at="2030-01-01T00:00Z")
    assert names(waves.behind(target)) == ["bot0", "bot2"]
