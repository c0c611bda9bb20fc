"""Bots that exist already, for a monitor to watch: `[[ssb id, host, port], …]` on standard input, run as a program."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")


def main() -> None:
    django.setup()
    from butt.agents.models import Agent, Progress
    from butt.invites.models import Told
    from tests.people import many_bots, person

    places = json.load(sys.stdin)
    many_bots(person("alice"), len(places))
    rows = list(Progress.objects.order_by("port"))
    Progress.objects.update(port=None)
    for row, (ssb_id, host, port) in zip(rows, places, strict=True):
        row.ssb_id, row.address, row.port = ssb_id, host, port
    Progress.objects.bulk_update(rows, ["ssb_id", "address", "port"], batch_size=200)
    bots = Agent.objects.filter(type=Agent.Type.BOT)
    # Their feeds have said who they are: being introduced is not what is measured.
    Told.objects.bulk_create(Told(bot=bot, name=bot.name, profile_sequence=1) for bot in bots)


if __name__ == "__main__":
    main()
