"""`butt sweep`: what is left here of bots that the service does not know, and what is on the cloud's bill for nobody."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from butt.command import cli, configure, home_option


@cli.command()
@home_option
@click.option("--yes", is_flag=True, help="Delete what is listed, for good.")
def sweep(home: Path | None, yes: bool) -> None:
    """List what is left of bots and machines that the database does not know. With --yes, remove it."""
    settings = configure(home=home)
    failed = (
        _sweep_host(yes) + _sweep_cloud(yes) + (_sweep_vault(settings.vault, yes) if settings.vault else 0)
    )
    sys.exit(bool(failed))


def _sweep_host(yes: bool) -> int:
    """How many could not be removed."""
    from butt.agents.bots import bots
    from butt.figures.units import size
    from butt.hosts import HostTrouble, chosen_host
    from butt.hosts.orphans import Sweepable

    host = chosen_host()
    if not isinstance(host, Sweepable):
        click.echo("This host keeps nothing that could be removed here.")
        return 0
    # The host is asked first: a bot that is made in between has its row before it has a folder.
    everything = host.orphans(())
    known = set(bots().values_list("id", flat=True))
    orphans = [orphan for orphan in everything if orphan.bot_id not in known]
    lines = [f"{orphan.bot_id}  {size(orphan.size):>9}  {orphan.what}" for orphan in orphans]
    total = f"{len(orphans)} left behind, {size(sum(orphan.size for orphan in orphans))}"
    if not _is_to_go(lines, "Nothing is left behind.", total, yes):
        return 0
    failed = 0
    for orphan in orphans:
        try:
            host.remove(orphan)
        except HostTrouble as trouble:
            failed += 1
            click.echo(f"{orphan.bot_id} stays: {trouble}", err=True)
    click.echo(f"{len(orphans) - failed} removed.")
    return failed


def _sweep_cloud(yes: bool) -> int:
    """How many could not be removed."""
    from butt.clouds import CloudTrouble, chosen_cloud
    from butt.clouds.orphans import orphans, remove

    try:
        cloud = chosen_cloud()
        if not cloud.makes_machines:
            return 0
        found = orphans(cloud)
    except CloudTrouble as trouble:
        raise click.ClickException(
            f"The cloud did not list its resources: {trouble} {trouble.mend}".strip()
        ) from None
    lines = [str(orphan) for orphan in found]
    total = f"{len(found)} in the cloud, {sum(orphan.monthly for orphan in found):.2f} € a month"
    if not _is_to_go(lines, "Nothing in the cloud is orphaned.", total, yes):
        return 0
    failed = 0
    for orphan, why in remove(cloud, found):
        if why:
            failed += 1
            click.echo(f"{orphan} stays: {why}", err=True)
    click.echo(f"{len(found) - failed} removed from the cloud.")
    return failed


def _sweep_vault(place: str, yes: bool) -> int:
    """How many could not be removed. Copies of bots that the rows know as gone are removed by themselves when it is time."""
    from butt.agents.bots import bots
    from butt.figures.units import size
    from butt.storage import store_at
    from butt.vault import VaultAway
    from butt.vault.forgetting import left, remove_some
    from butt.vault.models import Vaulted

    store = store_at(place)
    found = left(store, set(bots().values_list("id", flat=True)))
    waiting = dict(Vaulted.objects.exclude(gone_at=None).values_list("bot_id", "gone_at"))
    lines = []
    for one in found:
        until = f"deleted {waiting[one.bot_id]:%F}" if one.bot_id in waiting else "unknown bot"
        lines.append(f"{one.bot_id}  {size(one.size):>9}  in the vault, {until}")
    total = f"{len(found)} in the vault, {size(sum(one.size for one in found))}"
    if not _is_to_go(lines, "Nothing in the vault is orphaned.", total, yes):
        return 0
    failed = 0
    for one in found:
        try:
            while remove_some(store, one.bot_id):
                pass
            Vaulted.objects.filter(bot_id=one.bot_id).delete()
        except VaultAway as away:
            failed += 1
            click.echo(f"{one.bot_id} stays in the vault: {away}", err=True)
    click.echo(f"{len(found) - failed} removed from the vault.")
    return failed


def _is_to_go(lines: Sequence[str], nothing: str, total: str, yes: bool) -> bool:
    """List what is left in one place, a line each. Returns whether it is to be removed now, which needs a database that looks
    right.
    """
    for line in lines or [nothing]:
        click.echo(line)
    if lines and not yes:
        click.echo(f"{total}. `butt sweep --yes` removes them for ever.")
    if not (lines and yes):
        return False
    _check_database()
    return True


def _check_database() -> None:
    from butt.accounts.models import Account

    if not Account.objects.exists():
        raise click.ClickException(
            "The database has no accounts, so it looks like the wrong one. Nothing was removed."
        )
