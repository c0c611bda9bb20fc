"""The rows of alive bots on many machines, each of another person. Run as a program, with the number of machines.

It fills an empty database, and prints the cookie of one of the people, and each machine's name with its bots.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

CHUNK = 10_000


def main() -> None:
    django.setup()
    count = int(sys.argv[1])
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from bench.populate import EACH_MACHINE, READY, order_of, placed
    from bench.readers import cookie_of
    from butt.agents.models import Agent, Belongs, Observed, Progress, Wanted
    from butt.agents.states import State
    from butt.hosts.salt.offers import offer
    from butt.machines.models import Machine, Placement
    from butt.sources.builder import shelve
    from butt.sources.places import pub_source
    from butt.sources.releases import build
    from tests.people import account, ssb_id

    made = build(pub_source())
    shelve(made)
    # It is packed once for all machines.
    offer(made.key)
    order = order_of(made.key)
    reader = account("reader")
    people = [Agent(type=Agent.Type.PERSON, name=f"person {number}") for number in range(count - 1)]
    Agent.objects.bulk_create(people, CHUNK)
    owners = [reader.agent, *people]
    machines = Machine.objects.bulk_create([Machine(person=owner, **READY) for owner in owners], CHUNK)
    now, told = timezone.now(), dict[str, list[str]]()
    for start in range(0, count * EACH_MACHINE, CHUNK):
        some = range(start, min(start + CHUNK, count * EACH_MACHINE))
        bots = [Agent(type=Agent.Type.BOT, name=f"bot{number}", service="pub") for number in some]
        Agent.objects.bulk_create(bots)
        numbered = list(zip(some, bots, strict=True))
        Belongs.objects.bulk_create(
            Belongs(source_agent=bot, target_agent=owners[n // EACH_MACHINE], pays=True)
            for n, bot in numbered
        )
        Wanted.objects.bulk_create(Wanted(bot=bot) for bot in bots)
        Observed.objects.bulk_create(Observed(bot=bot, alive=True, launch=1) for bot in bots)
        Progress.objects.bulk_create(
            Progress(
                bot=bot,
                state=State.ALIVE,
                launch=1,
                address="127.0.0.1",
                ssb_id=ssb_id(n),
                release=made.key,
                due_at=now + timedelta(seconds=600 + n % 6000),
            )
            for n, bot in numbered
        )
        Placement.objects.bulk_create(
            placed(bot, machines[n // EACH_MACHINE], order, ssb_id=ssb_id(n)) for n, bot in numbered
        )
        for n, bot in numbered:
            told.setdefault(machines[n // EACH_MACHINE].minion_id, []).append(str(bot.id))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps([cookie_of(reader), told]))


if __name__ == "__main__":
    main()
