"""The people who read the dashboard: `BOTS` bots of one person with a year of samples, and many bots of
others. Run as a program.

It fills an empty PostgreSQL database and prints two session cookies: of the person with bots, and of one
without.
"""

import json
import os

import django

BOTS, ALL_BOTS = 100, 10_000
PER_PERSON = 20

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

SAMPLES = """
    INSERT INTO figures_sample (bot_id, resolution, at, count, memory_sum, memory_low, memory_high,
        peers_sum, peers_low, peers_high, bytes_in, bytes_out, disk, messages, feeds)
    SELECT belongs.source_agent_id, kept.resolution, now() - number * kept.resolution * interval '1 second',
        1, 80000000, 80000000, 80000000, 3, 3, 3, 1000, 2000, 188416, 1234, 12
    FROM agents_belongs AS belongs,
        (VALUES (10, 360), (60, 1440), (3600, 720), (86400, 365)) AS kept (resolution, samples),
        generate_series(1, kept.samples) AS number
    WHERE belongs.target_agent_id = %s
"""


def main() -> None:
    django.setup()
    from django.db import connection

    from butt.agents.models import Agent, Belongs, Progress
    from tests.people import account, many_bots

    reader, nobody = account("reader"), account("nobody")
    many_bots(reader.agent, ALL_BOTS)
    bots = list(Agent.objects.filter(type=Agent.Type.BOT).order_by("name").values_list("id", flat=True))
    people = [
        Agent(type=Agent.Type.PERSON, name=f"person {n}") for n in range((ALL_BOTS - BOTS) // PER_PERSON)
    ]
    Agent.objects.bulk_create(people)
    Progress.objects.update(release="0123456789abcdef")
    for number, person in enumerate(people):
        theirs = bots[BOTS + number * PER_PERSON : BOTS + (number + 1) * PER_PERSON]
        Belongs.objects.filter(source_agent__in=theirs).update(target_agent=person)
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES, [reader.agent_id])
        cursor.execute("VACUUM ANALYZE")
    print(json.dumps([cookie_of(reader), cookie_of(nobody)]))


def cookie_of(account: object) -> str:
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest  # noqa: TID251

    request = HttpRequest()
    request.session = SessionStore()
    login(request, account)  # type: ignore[arg-type]
    request.session.save()
    return str(request.session.session_key)


if __name__ == "__main__":
    main()
