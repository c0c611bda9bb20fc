"""`butt sweep`: what is left here of bots that nobody knows any more."""

import sys
from pathlib import Path

import click

from butt.command import cli, configure, home_option


@cli.command()
@home_option
@click.option("--yes", is_flag=True, help="Remove what is listed, for ever.")
def sweep(home: Path | None, yes: bool) -> None:
    """List what is left here of bots that the database does not know; with --yes, remove it."""
    configure(home=home)

    from butt.accounts.models import Account
    from butt.agents.bots import bots
    from butt.figures.units import size
    from butt.hosts import HostTrouble, chosen_host
    from butt.hosts.strays import Sweepable

    host = chosen_host()
    if not isinstance(host, Sweepable):
        raise click.ClickException("This host keeps nothing here that could be swept.")
    # The host is asked first: a bot that is made in between has its row before it has a folder.
    everything = host.strays(())
    known = set(bots().values_list("id", flat=True))
    strays = [stray for stray in everything if stray.bot_id not in known]
    for stray in strays:
        click.echo(f"{stray.bot_id}  {size(stray.size):>9}  {stray.what}")
    if not strays:
        click.echo("Nothing is left behind.")
        return
    if not yes:
        total = size(sum(stray.size for stray in strays))
        click.echo(f"{len(strays)} left behind, {total}. `butt sweep --yes` removes them for ever.")
        return
    if not Account.objects.exists():
        raise click.ClickException(
            "The database knows nobody: it looks like the wrong one. Nothing is removed."
        )
    failed = 0
    for stray in strays:
        try:
            host.remove(stray)
        except HostTrouble as trouble:
            failed += 1
            click.echo(f"{stray.bot_id} stays: {trouble}", err=True)
    click.echo(f"{len(strays) - failed} removed.")
    sys.exit(bool(failed))
