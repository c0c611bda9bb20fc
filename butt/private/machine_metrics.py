"""Machines, for Prometheus: what each last reported, and how long the key for renting them is valid."""

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from butt.clouds.models import AccessKey
from butt.machines.models import Machine

OF_A_MACHINE = ("machine",)
SIZES = {
    "diskFree": ("butt_machine_disk_free_bytes", "Where bots have their data."),
    "diskTotal": ("butt_machine_disk_bytes", "Where bots have their data."),
    "memoryFree": ("butt_machine_memory_free_bytes", "That can be had without swapping."),
    "memoryTotal": ("butt_machine_memory_bytes", "All of it."),
    "load": ("butt_machine_load", "Over one minute."),
}
COUNTS = {
    "outOfMemoryKills": ("butt_machine_out_of_memory_kills", "By the kernel, since it was booted."),
    "restarts": ("butt_machine_bot_restarts", "By Docker, of the containers there are."),
}


def of_machines() -> Iterator[Metric]:
    machines = list(Machine.objects.annotate(bots=Count("placements")).order_by("created_at"))
    for family, facts in ((GaugeMetricFamily, SIZES), (CounterMetricFamily, COUNTS)):
        for fact, (name, what) in facts.items():
            metric = family(name, what, labels=OF_A_MACHINE)
            for machine in machines:
                if machine.facts.get(fact) is not None:
                    metric.add_metric((machine.minion_id,), machine.facts[fact])
            yield metric
    seen = GaugeMetricFamily("butt_machine_seen_timestamp_seconds", "Its last report.", labels=OF_A_MACHINE)
    behind = GaugeMetricFamily(
        "butt_machine_behind", "1 while it has orders to carry out.", labels=OF_A_MACHINE
    )
    bots = GaugeMetricFamily("butt_machine_bots", "That are placed on it.", labels=OF_A_MACHINE)
    for machine in machines:
        labels = (machine.minion_id,)
        if machine.seen_at:
            seen.add_metric(labels, machine.seen_at.timestamp())
        behind.add_metric(labels, float(machine.seen_generation < machine.generation))
        bots.add_metric(labels, machine.bots)
    yield from (seen, behind, bots)


def of_keys() -> Metric:
    """The keys for the cloud that machines come from, except keys that never expire."""
    ends = GaugeMetricFamily("butt_cloud_key_ends_timestamp_seconds", "When the key ends.", labels=("cloud",))
    for key in AccessKey.objects.exclude(ends_at=None):
        if key.ends_at:
            ends.add_metric((key.cloud,), key.ends_at.timestamp())
    return ends
