"""The service's own parts, for Prometheus: which are alive, what they counted, and what waits.

A part that ended is reported as 0, cleanly stopped or not: a series that vanishes would raise no alarm.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from butt.beats.living import PARTS, beats
from butt.beats.models import Beat
from butt.billing.models import Payer
from butt.health.readiness import readiness
from butt.machines.models import MachineJob

OF_A_PROCESS = ["part", "process"]


def of_parts() -> Iterator[Metric]:
    running = list(beats())
    lives = GaugeMetricFamily(
        "butt_part_up", "1 while a process of it lives, 0 when none does.", labels=["part"]
    )
    for part in PARTS:
        lives.add_metric([part], float(any(beat.part == part for beat in running)))
    build = GaugeMetricFamily(
        "butt_part_version", "1; which version it runs.", labels=[*OF_A_PROCESS, "version"]
    )
    for beat in running:
        build.add_metric([*_labels(beat), beat.release], 1)
    yield from (lives, build)
    yield from _counted(running)


def of_checks() -> Iterator[Metric]:
    ok = GaugeMetricFamily("butt_check_ok", "1 while /ready finds it well.", labels=["check"])
    for check in readiness():
        ok.add_metric([check.name], float(not check.trouble))
    yield ok


def of_queues() -> Iterator[Metric]:
    now = timezone.now()
    payers = Payer.objects.aggregate(
        oldest=Min("look_at"),
        due=Count("pk", Q(due_since__isnull=False)),
        failing=Count("pk", Q(failures__gt=0)),
    )
    job = MachineJob.objects.filter(done_at=None).aggregate(oldest=Min("created_at"))
    age = GaugeMetricFamily("butt_queue_age_seconds", "For how long the oldest waits.", labels=["queue"])
    age.add_metric(["payments"], _age(payers["oldest"], now))
    age.add_metric(["jobs"], _age(job["oldest"], now))
    yield age
    yield GaugeMetricFamily("butt_payers_due", "People whose payment is due.", value=payers["due"])
    yield GaugeMetricFamily(
        "butt_payers_failing",
        "People about whom Stripe could not be asked the last time.",
        value=payers["failing"],
    )


def _counted(running: list[Beat]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "butt_requests", "Answered, by the first digit of the status.", labels=[*OF_A_PROCESS, "status"]
    )
    mail = CounterMetricFamily("butt_mail", "Letters, sent and failed.", labels=[*OF_A_PROCESS, "outcome"])
    seconds = HistogramMetricFamily("butt_request_seconds", "Until an answer began.", labels=OF_A_PROCESS)
    for beat in running:
        counts: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
        for name, labels, number in beat.counts:
            counts[name][tuple(labels)] = number
        for family, name in ((requests, "requests"), (mail, "mail")):
            for label, number in counts[name].items():
                family.add_metric([*_labels(beat), *label], number)
        if counts["requests"]:
            within = sorted((float(bound), number) for (bound,), number in counts["requests_within"].items())
            buckets = [(str(bound), number) for bound, number in within]
            buckets.append(("+Inf", sum(counts["requests"].values())))
            seconds.add_metric(_labels(beat), buckets, counts["request_seconds"].get((), 0.0))
    yield from (requests, mail, seconds)


def _labels(beat: Beat) -> list[str]:
    return [beat.part, str(beat.id)]


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
