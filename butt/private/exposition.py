"""The bots and the service itself, as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from platform import python_version

from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.agents.states import State
from butt.agents.view import View
from butt.figures.declared import KEPT_FIGURES, KeptFigure, Rolled
from butt.figures.models import MonitorBeat, Outage
from butt.limits.models import Slowed
from butt.private.backup_metrics import of_backups
from butt.private.machine_metrics import of_keys, of_machines
from butt.private.service_metrics import of_checks, of_parts, of_queues
from butt.private.vault_metrics import of_the_vault

__all__ = ("CONTENT_TYPE", "exposition")

OF_A_BOT = ("id", "name")


def exposition() -> bytes:
    """Everything as it is now, in Prometheus's text format, which is of `CONTENT_TYPE`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Now())
    return generate_latest(registry)


class Now(Collector):
    """Everything as it is in the database now: it holds no state, so any server can be asked."""

    def collect(self) -> Iterable[Metric]:
        all_bots = list(bots().select_related("reading"))
        yield from _of_bots(all_bots)
        yield from _of_the_service(all_bots)
        yield from of_parts()
        yield from of_checks()
        yield from of_queues()
        yield from of_machines()
        yield of_keys()
        yield from of_backups()
        yield from of_the_vault(all_bots)
        build = {"version": version("butt"), "python": python_version()}
        yield InfoMetricFamily("butt_build", "What runs here.", value=build)


def _of_bots(all_bots: list[Agent]) -> Iterator[Metric]:
    alive = _gauge("butt_bot_alive", "1 when it answers with its own identity.")
    started = _gauge("butt_bot_started_timestamp_seconds", "When its process started.")
    kept = [(figure, _family(figure)) for figure in KEPT_FIGURES]
    for bot in all_bots:
        labels, view, observed = (str(bot.id), bot.name), View(bot), bot.observed
        alive.add_metric(labels, float(view.alive))
        if view.alive and observed.started_at:
            started.add_metric(labels, observed.started_at.timestamp())
        # What is known now, or was reported last.
        places = (view, getattr(bot, "reading", None))
        for figure, metric in kept:
            place = next((place for place in places if hasattr(place, figure.name)), None)
            if (value := getattr(place, figure.name, None)) is not None:
                metric.add_metric(labels, value)
    yield from (alive, started, *(metric for _, metric in kept))


def _family(figure: KeptFigure) -> GaugeMetricFamily | CounterMetricFamily:
    kind = CounterMetricFamily if figure.rolled is Rolled.GROWTH else GaugeMetricFamily
    return kind(figure.metric, figure.help, labels=OF_A_BOT)


def _of_the_service(all_bots: list[Agent]) -> Iterator[Metric]:
    now = timezone.now()
    states = Counter(View(bot).state for bot in all_bots)
    in_state = GaugeMetricFamily("butt_bots", "How many are in each state.", labels=["state"])
    for state in State:
        in_state.add_metric([state], states[state])
    late = max((now - bot.progress.due_at).total_seconds() for bot in all_bots) if all_bots else 0
    down = Outage.objects.filter(ended_at=None).count()
    age = GaugeMetricFamily(
        "butt_monitor_beat_age_seconds", "Since it last said it lives.", labels=["monitor"]
    )
    watching = GaugeMetricFamily("butt_monitor_watching", "Bots it watches.", labels=["monitor"])
    written = CounterMetricFamily("butt_monitor_samples_written", "Since its start.", labels=["monitor"])
    lost = CounterMetricFamily(
        "butt_monitor_samples_lost", "That it could not write, since its start.", labels=["monitor"]
    )
    for monitor in MonitorBeat.objects.all():
        labels = (str(monitor.id),)
        age.add_metric(labels, max(0, (now - monitor.beat).total_seconds()))
        watching.add_metric(labels, monitor.watching)
        written.add_metric(labels, monitor.written)
        lost.add_metric(labels, monitor.lost)
    yield from (in_state, age, watching, written, lost)
    slowed = CounterMetricFamily(
        "butt_slowed", "How often each limit slowed somebody down, since the first day.", labels=["limit"]
    )
    for name, times in Slowed.objects.filter(who="").order_by("limit").values_list("limit", "times"):
        slowed.add_metric([name], times)
    yield slowed
    yield GaugeMetricFamily("butt_bots_down", "Should answer and do not.", value=down)
    yield GaugeMetricFamily(
        "butt_steward_lag_seconds", "For how long the oldest due bot waits.", value=max(0, late)
    )


def _gauge(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=OF_A_BOT)
