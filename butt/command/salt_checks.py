"""What `butt doctor` checks when bots run in containers."""

import os
import shutil
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from butt.command.records import addresses_of, record, resolved
from butt.configuration import Configuration
from butt.trouble import Finding

SAMPLE = 20
"""How many bots' names are checked, chosen at random."""


def salt(settings: Configuration) -> Iterator[Finding]:
    if settings.host != "salt":
        return
    from butt.hosts import HostTrouble
    from butt.hosts.salt.calls import program

    try:
        yield Finding(f"Salt is installed: {program('salt-call')}.")
    except HostTrouble as trouble:
        yield Finding(str(trouble), "Run `make salt`, or set BUTT_SALT_PROGRAMS.")
    yield from _here() if settings.salt == "local" else _machines()
    yield from names(settings)


def names(settings: Configuration) -> Iterator[Finding]:
    """Whether the names of a sample of bots on machines resolve, and to the address of their machine."""
    if settings.is_local or settings.pub_address:
        return
    from django.db import DatabaseError

    from butt.agents.bots import bots
    from butt.agents.states import SHOULD_ANSWER

    on_machines = bots().filter(progress__state__in=SHOULD_ANSWER).exclude(placement=None)
    try:
        sample = list(on_machines.select_related("placement__machine").order_by("?")[:SAMPLE])
    except DatabaseError:
        return  # which is reported elsewhere
    found = resolved(bot.progress.address for bot in sample)
    homes = {bot.placement.machine for bot in sample}
    leads = {machine.id: addresses_of(machine) for machine in homes}
    lost = 0
    for bot in sample:
        name, wanted = bot.progress.address, leads[bot.placement.machine_id]
        addresses = found.get(name, frozenset())
        lines = "; ".join(record(name, address) for address in wanted) or "a record that leads to its machine"
        if addresses is None:
            yield Finding(f"The name {name} of a bot does not resolve.", f"Make this DNS record: {lines}.")
        elif addresses and wanted and not addresses & set(wanted):
            yield Finding(
                f"The name {name} of a bot leads elsewhere than to its machine, {bot.placement.machine}.",
                f"Change the DNS record: {lines}.",
            )
        else:
            continue
        lost += 1
    if sample and not lost:
        yield Finding(f"The names of {len(sample)} bots were tried, and lead somewhere.")


def _here() -> Iterator[Finding]:
    engine = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    path = urlsplit(engine).path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(5)
            probe.connect(path)
        yield Finding(f"Docker answers at {engine}.")
    except OSError as error:
        yield Finding(
            f"Docker is not answering at {engine}: {error.strerror}.", "Install docker.io and start it."
        )
    fit = os.geteuid() == 0 and shutil.which("iptables")
    mend = "" if fit else "Run as root, with iptables installed: bots start only behind their fence."
    yield Finding("The fence of bots can be built." if fit else "The fence of bots cannot be built.", mend)


def _machines() -> Iterator[Finding]:
    from django.db import DatabaseError

    from butt.machines.models import Machine, Unconfirmed
    from butt.machines.status import status_of

    try:
        rows = list(Machine.objects.order_by("created_at"))
        waiting = sorted(Unconfirmed.objects.values_list("bot__name", flat=True))
    except DatabaseError:
        return  # which is reported elsewhere
    if waiting:
        yield Finding(
            f"Bots that wait since a restore until it is certain where they live: {len(waiting)}, like {', '.join(waiting[:SAMPLE])}.",
            "Machines confirm bots that run. For each other one, find its place and run `butt operator confirm-place`.",
        )
    if not rows:
        yield Finding("No machine runs bots yet. `butt machine add` lets the first one join.")
    for row in rows:
        if row.trouble:
            yield Finding(
                f"The machine {row.minion_id} is in trouble: {row.trouble}", "See its minion's log."
            )
        elif row.seen_at is None:
            yield Finding(f"The machine {row.minion_id} has never reported.", "Start its minion.")
        elif status_of(row).is_nearly_full:
            yield Finding(
                f"The disk of the machine {row.minion_id} is nearly full.",
                "Give it more, or move bots away; `butt sweep` lists leftovers.",
            )
        else:
            yield Finding(f"The machine {row.minion_id} reported last at {row.seen_at:%F %T} UTC.")
