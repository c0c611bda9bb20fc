"""Bots that already exist, for a monitor to watch: `[[ssb id, host, port], …]` on standard input. Run as a
program.

With `--rest` it also makes all that a steward looks at: a release, and each bot's folder here or its place on
a machine.
"""

import json
import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

if TYPE_CHECKING:
    from butt.agents.models import Agent
    from butt.machines.models import Machine, Placement

EACH_MACHINE = 20
READY = {"state": "ready", "generation": 1, "seen_generation": 1}
"""A machine that has done all that it was told."""


def main() -> None:
    django.setup()
    from django.db import transaction

    from butt.agents.models import Agent, Progress
    from butt.invites.models import FeedState
    from butt.monitor.rows import Rows
    from tests.people import many_bots, person

    places = json.load(sys.stdin)
    many_bots(person("alice"), len(places))
    ids = list(Progress.objects.order_by("port").values_list("bot_id", flat=True))
    Progress.objects.update(port=None)
    with transaction.atomic():
        Rows(Progress, ("bot_id", "ssb_id", "address", "port")).update(
            [bot_id, *place] for bot_id, place in zip(ids, places, strict=True)
        )
    bots = Agent.objects.filter(type=Agent.Type.BOT)
    # Their feeds have already introduced them: that is not what is measured.
    FeedState.objects.bulk_create(FeedState(bot=bot, name=bot.name, profile_sequence=1) for bot in bots)
    if "--rest" in sys.argv:
        at_rest()


def at_rest() -> None:
    """As the steward would have left them."""
    from django.db import connection, transaction
    from django.utils import timezone

    from butt.agents.models import Agent, Progress
    from butt.configuration import configuration
    from butt.hosts import disk_quota
    from butt.hosts.salt.offers import offer
    from butt.machines.models import Machine, Placement
    from butt.monitor.rows import Rows
    from butt.sources.builder import shelve
    from butt.sources.places import pub_source
    from butt.sources.releases import build
    from butt.steward import resting

    made = build(pub_source())
    shelve(made)
    bots = list(Agent.objects.filter(type=Agent.Type.BOT))
    now = timezone.now()
    rest = resting.average(len(bots))
    Progress.objects.update(release=made.key)
    with transaction.atomic():
        Rows(Progress, ("bot_id", "due_at")).update(
            (bot.id, resting.with_others(now + rest * number / len(bots), len(bots)))
            for number, bot in enumerate(bots)
        )
    if configuration().host == "processes":
        for bot in bots:
            folder = configuration().home / "bots" / str(bot.id)
            (folder / "data").mkdir(parents=True)
            Path(folder / "config.json").write_text('{"launch": 1}')
            disk_quota.set_limit(folder, 0, lambda: 0)
        return
    offer(made.key)
    machines = Machine.objects.bulk_create([Machine(**READY) for _ in range(-(-len(bots) // EACH_MACHINE))])
    order = order_of(made.key)
    places = [placed(bot, machines[n // EACH_MACHINE], order) for n, bot in enumerate(bots)]
    Placement.objects.bulk_create(places, 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def placed(bot: "Agent", machine: "Machine", order: dict[str, object], **more: object) -> "Placement":
    """A row of a bot that runs on the machine, as a report of it leaves it: otherwise the first report would change it."""
    from butt.machines.models import Placement
    from butt.machines.reports import SeenBot

    seen = SeenBot(launch=1, running=True).model_dump(mode="json", exclude={"ssbId"})
    plain = {"run": True, "launch": 1, "generation": 1, "order": order, "seen": seen}
    return Placement(bot=bot, machine=machine, **plain, **more)


def order_of(release: str) -> dict[str, object]:
    """What a machine is told to run. If it were not exactly what a steward writes, the first look at each bot would write it."""
    from butt.hosts import Order
    from butt.hosts.salt.orders import _full

    plain = {"bind": "::", "address": "a", "port": 1, "release": release, "masters": (), "on_trial": False}
    return _full(Order(bot_id=uuid.uuid4(), run=True, launch=1, sequence=0, **plain), {})  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
