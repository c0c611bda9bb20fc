"""The status page: what it says of a bot, and what it costs."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from butt.agents import journal
from butt.agents.models import Agent, Observed, Wanted
from butt.agents.states import State
from butt.agents.traffic import month_of
from butt.configuration import configuration
from butt.figures.series import series
from butt.monitor.samples import Seen, write
from butt.outbox.models import Preferences
from butt.public import history as history_page
from tests.figures.history import MIB, figures, history
from tests.machines.machines import machine, place
from tests.people import bot_in, many_bots

pytestmark = pytest.mark.django_db

RANGES = ["1h", "24h", "30d", "1y"]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def status(client: Client, query: str = "") -> str:
    return client.get(f"/bots/my/status{query}").content.decode()


def test_the_five_figures_stand_first_as_drawn(alice: Client, bot: Agent):
    begin = timezone.now() - timedelta(days=100, minutes=1)
    traffic = {"bytesIn": 40 * 2**30, "bytesOut": 60 * 2**30, "disk": 10 * 2**30}
    write({bot.id: [Seen(timezone.now(), figures(begin, memory=100 * MIB, **traffic))]})
    lines = re.findall(r"<div><dt>(.*?)</dt> <dd>(.*?)</dd></div>", status(alice))
    assert lines[:5] == [
        ("status:", "alive"),
        ("uptime:", "100 days"),
        ("disk usage:", "10 GiB"),
        ("bandwidth usage:", "100 GiB"),
        ("memory usage:", "100 MiB"),
    ]
    assert lines[5:] == [
        ("peers now:", "3"),
        ("messages:", "1,234"),
        ("feeds:", "12"),
        ("indexed:", "50 %"),
    ]


def test_what_has_just_come_is_no_backlog(alice: Client, bot: Agent):
    """A new bot has a few messages, and no more than the last of them may have yet to be indexed."""
    seen = figures(timezone.now(), indexing={"current": 0, "target": 9_079})
    write({bot.id: [Seen(timezone.now(), seen)]})
    assert "<dt>indexed:</dt> <dd>100 %</dd>" in status(alice)


def test_a_new_bot_has_a_page_without_figures(alice: Client):
    bot_in(State.NEW, Agent.objects.get(account__email="alice@example.org"))
    page = text_of(status(alice))
    assert "status: new uptime: none disk usage: not known yet" in page
    assert "No data for this period." in page


def test_a_broken_bot_says_why_in_words(alice: Client):
    bot = bot_in(State.BROKEN, Agent.objects.get(account__email="alice@example.org"))
    Observed.objects.filter(bot=bot).update(trouble="It ended the connection.")
    assert "It ended the connection." in status(alice)


@pytest.mark.parametrize(("chosen", "resolution"), list(zip(RANGES, (10, 60, 3600, 86400), strict=True)))
def test_each_range_draws_its_lines_and_breaks_them_over_a_gap(
    alice: Client, bot: Agent, chosen: str, resolution: int
):
    made = history(bot, datetime.now(UTC).replace(microsecond=0), resolution, 200)
    for row in made[90:120]:
        row.delete()
    page = status(alice, f"?range={chosen}")
    lines = re.findall(r'<path class="line" data-line="1" d="([^"]*)"', page)
    assert len(lines) == 4
    assert all(line.count("M") == 2 for line in lines)
    assert page.count("<tr data-x") >= 15
    assert f'href="?range={chosen}" aria-current="true"' in page


def test_what_befell_the_bot_is_marked_on_the_line_of_time(alice: Client, bot: Agent):
    for what in ("#starting", "#broken", "describe"):
        journal.note(bot, "steward", what)
    page = status(alice)
    assert re.findall(r'data-what="(\w+)" data-x="(?:600|599\.\d)', page)[:2] == ["started", "broke"]
    assert "describe" not in page


def test_who_wants_no_e_mails_says_so_once_for_all_bots(alice: Client, bot: Agent):
    assert "no emails" in status(alice)
    assert alice.post("/letters", {"wanted": "no", "bot": "my"})["Location"] == "/bots/my/status"
    assert Preferences.objects.get().mail is False
    assert "email me" in status(alice)
    alice.post("/letters", {"wanted": "yes", "bot": "my"})
    assert Preferences.objects.get().mail is True


@pytest.mark.parametrize("count", [1, 100])
def test_the_cost_grows_neither_with_the_bots_nor_with_a_year_of_samples(
    alice: Client, count: int, django_assert_num_queries: Any
):
    many_bots(Agent.objects.get(account__email="alice@example.org"), count)
    one = Agent.objects.get(name="bot0")
    history(one, timezone.now(), 86400, 365 if count > 1 else 1)
    with django_assert_num_queries(7):
        assert alice.get("/bots/bot0/status?range=1y").status_code == 200


def test_samples_are_read_again_only_when_there_is_a_newer_one(
    alice: Client, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    write({bot.id: [Seen(now - timedelta(seconds=60), figures(now, memory=40 * MIB))]})
    drawn = status(alice)
    assert "40 MiB to 40 MiB, now 40 MiB" in drawn

    read = []
    monkeypatch.setattr(history_page, "series", lambda *asked: read.append(asked) or series(*asked))
    assert charts_of(status(alice)) == charts_of(drawn)
    assert read == []

    write({bot.id: [Seen(now - timedelta(seconds=20), figures(now, memory=70 * MIB))]})
    assert "40 MiB to 70 MiB, now 70 MiB" in status(alice)
    journal.note(bot, "steward", "#broken")
    assert 'data-what="broke"' in status(alice)
    status(alice, "?range=24h")
    assert len(read) == 3


def charts_of(page: str) -> str:
    found = re.search(r'<div id="charts".*', page, re.DOTALL)
    assert found
    return found[0].partition("<form")[0]


@pytest.fixture
def over_salt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BUTT_HOST", "salt")
    configuration.cache_clear()
    yield
    monkeypatch.undo()
    configuration.cache_clear()


@pytest.mark.usefixtures("over_salt")
def test_the_bots_machine_is_told_in_a_line_and_warned_of(alice: Client, bot: Agent):
    assert "its machine" not in status(alice)
    facts = {"diskFree": 30 * 2**30, "diskTotal": 40 * 2**30, "memoryFree": 2**30, "load": 0.4}
    here = machine("m1", seen_at=timezone.now(), facts=facts | {"docker": "27.1", "restarts": 2})
    place(bot, here)
    text = text_of(status(alice))
    line = "its machine: 30 GiB of 40 GiB disk free, 1 GiB memory free, load 0.4, Docker 27.1, restarts: 2"
    assert line in text
    assert "nearly full" not in text
    here.facts["diskFree"] = 2**30
    here.seen_at = timezone.now() - timedelta(hours=1)
    here.save()
    text = text_of(status(alice))
    assert "The disk of its machine is almost full." in text
    assert "Its machine has not reported since" in text


def test_a_bar_shows_what_takes_the_disk_that_it_may_take_and_a_banner_that_it_is_nearly_full(
    alice: Client, bot: Agent
):
    room = {
        "most": 100 * MIB,
        "mostBlobs": 100 * MIB,
        "log": 30 * MIB,
        "blobs": 50 * MIB,
        "rest": MIB,
        "takes": "all",
        "removed": {"blobs": 7, "bytes": 20 * MIB},
    }
    begin = timezone.now() - timedelta(days=1)
    write({bot.id: [Seen(timezone.now(), figures(begin, room=room))]})
    assert 'class="room"' not in status(alice), "nothing bounds it but the disk itself"
    Wanted.objects.filter(bot=bot).update(limits={"disk": 100 * MIB})
    said = text_of(status(alice))
    for words in ("81 MiB of 100 MiB disk", "messages: 30 MiB", "blobs: 50 MiB", "index and the rest: 1 MiB"):
        assert words in said
    assert "Removed to make room since it started: 7 blobs, 20 MiB." in said
    assert "It has used 81 % of its disk." in said
    assert 'x="30.0" width="50.0"' in status(alice)
    room |= {"log": 90 * MIB, "takes": "members"}
    write({bot.id: [Seen(timezone.now(), figures(begin, room=room))]})
    said = text_of(status(alice))
    assert "accepts them only from people it follows" in said
    assert "Its disk is full." in text_of(alice.get("/bots/my").content.decode())


def test_the_traffic_of_the_month_is_told_and_shown_in_a_bar_where_it_is_bounded(alice: Client, bot: Agent):
    now = timezone.now()
    month = {"month": month_of(now), "in": 30 * MIB, "out": 50 * MIB, "most": 100 * MIB}
    write({bot.id: [Seen(now, figures(now, traffic=month))]})
    said = text_of(status(alice))
    assert f"80 MiB traffic in {now.astimezone(UTC):%B %Y} (UTC)" in said
    assert 'x="30.0" width="50.0"' not in status(alice)
    Wanted.objects.filter(bot=bot).update(limits={"traffic": 100 * MIB})
    said = text_of(status(alice))
    for words in (
        "80 MiB of 100 MiB traffic",
        "in: 30 MiB",
        "out: 50 MiB",
        "It has used 80 % of its traffic",
    ):
        assert words in said
    assert 'x="30.0" width="50.0"' in status(alice)
    write({bot.id: [Seen(now, figures(now, traffic=month | {"out": 70 * MIB}))]})
    assert "It has used up its traffic for this month." in text_of(alice.get("/bots/my").content.decode())
    Observed.objects.filter(bot=bot).update(traffic=month | {"month": "2026-01"})
    assert "used up its traffic" not in text_of(alice.get("/bots/my").content.decode())
