"""The copies in the vault, for Prometheus."""

from collections.abc import Iterator

from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from butt.agents.models import Agent
from butt.vault.asking import behind_for, is_lost
from butt.vault.models import Vaulted

OF_A_BOT = ("id", "name")


def of_the_vault(all_bots: list[Agent]) -> Iterator[Metric]:
    copies, now = {copy.bot_id: copy for copy in Vaulted.objects.all()}, timezone.now()
    behind = _gauge("butt_vault_behind_seconds", "For how long something of its log is not in the vault.")
    size = _gauge("butt_vault_bytes", "What its copy takes in the vault.")
    sound = _gauge("butt_vault_sound", "1 when its copy was found whole as it was read back last.")
    checked = _gauge("butt_vault_checked_timestamp_seconds", "When its copy was last read back.")
    lost = _gauge("butt_bot_lost", "1 when its data is gone from its disk.")
    for bot in all_bots:
        if (copy := copies.pop(bot.id, None)) is None:
            continue
        labels = (str(bot.id), bot.name)
        behind.add_metric(labels, behind_for(copy, now))
        size.add_metric(labels, copy.size)
        lost.add_metric(labels, float(is_lost(copy)))
        if copy.checked_at and copy.sound is not None:
            sound.add_metric(labels, float(copy.sound))
            checked.add_metric(labels, copy.checked_at.timestamp())
    yield from (behind, size, sound, checked, lost)
    yield GaugeMetricFamily(
        "butt_vault_of_gone_bots_bytes",
        "What the vault has of bots that are gone, until it is removed.",
        value=sum(copy.size for copy in copies.values()),
    )


def _gauge(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=OF_A_BOT)
