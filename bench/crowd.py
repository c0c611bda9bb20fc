"""Fills an empty database with a crowd: `count` bots, 10 for each person, on that person's machine. Run as a
program.

Prints what the first person needs to read theirs: a session cookie, an access token, and the name of their
machine.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta

import django

from bench.readers import cookie_of

EACH = 10
HOURS = 720

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

ORDER = {"bind": "::", "address": "a.example.org", "port": 1, "release": "r", "masters": [], "sequence": 0}


def main() -> None:
    django.setup()
    from django.db import connection

    from butt.accounts.tokens import issue_token
    from butt.agents.models import Agent, Belongs
    from butt.machines.models import Machine, Placement
    from tests.people import account, many_bots

    count, reader = int(sys.argv[1]), account("reader")
    many_bots(reader.agent, count)
    bots = list(Agent.objects.filter(type=Agent.Type.BOT).order_by("name"))
    others = [Agent(type=Agent.Type.PERSON, name=f"person {n}") for n in range(count // EACH - 1)]
    Agent.objects.bulk_create(others)
    people = [reader.agent, *others]
    machines = Machine.objects.bulk_create(
        [Machine(person=person, state="ready", generation=1) for person in people], 500
    )
    for number, person in enumerate(others, 1):
        theirs = bots[number * EACH : (number + 1) * EACH]
        Belongs.objects.filter(source_agent__in=theirs).update(target_agent=person)
    plain = {"run": True, "launch": 1, "generation": 1, "order": ORDER}
    Placement.objects.bulk_create(
        [Placement(bot=bot, machine=machines[n // EACH], **plain) for n, bot in enumerate(bots)], 500
    )
    _live(bots[:EACH])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps([cookie_of(reader), issue_token(reader), machines[0].minion_id]))


def _live(bots: list[object]) -> None:
    """Their samples of the last month, hour by hour."""
    from butt.figures.models import Sample

    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    numbers = {
        "memory_sum": 80_000_000,
        "memory_low": 80_000_000,
        "memory_high": 80_000_000,
        "peers_sum": 3,
        "peers_low": 3,
        "peers_high": 3,
        "bytes_in": 1000,
        "bytes_out": 2000,
        "disk": 188_416,
        "messages": 1234,
        "feeds": 12,
    }
    hours = [now - timedelta(hours=n) for n in range(HOURS)]
    Sample.objects.bulk_create(
        [Sample(bot=bot, resolution=3600, at=at, count=1, **numbers) for bot in bots for at in hours], 500
    )


if __name__ == "__main__":
    main()
