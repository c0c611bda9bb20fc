"""`butt upgrade`: one's own bot over the API, or, for an operator, all bots in waves."""

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import cli, configure, home_option
from butt.command.people import api_of_login, as_json, ask_of, complete_names

if TYPE_CHECKING:
    from butt.sources.models import Release

TICK = 0.5


@cli.command()
@home_option
@click.argument("name", required=False, shell_complete=complete_names)
@click.option("--all", "everything", is_flag=True, help="For operators: all bots of the service, in waves.")
@click.option(
    "--wave", type=click.IntRange(1), default=10, show_default=True, help="How many bots at a time."
)
@click.option(
    "--halt",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Halt if a larger share of a wave than this fails.",
)
@click.option("--again", is_flag=True, help="Also bots that went back from this release before.")
@click.option("--dry-run", is_flag=True, help="Only say which bots would be upgraded.")
@click.option("--wait/--no-wait", default=True, help="Wait until it is done, or return at once.")
@as_json
def upgrade(
    name: str | None,
    home: Path | None,
    everything: bool,
    wave: int,
    halt: float,
    again: bool,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Move a bot to the newest release of its source."""
    if bool(name) == everything:
        raise click.UsageError("Give the name of one of your bots, or --all.")
    if name:
        ask_of(api_of_login(), "upgrade", name, wait=wait, as_json=as_json)
        return
    configure(home=home)
    _all(wave, halt, again=again, dry_run=dry_run)


def _all(size: int, halt: float, *, again: bool, dry_run: bool) -> None:
    from butt.services.known import services
    from butt.sources import shelf

    targets = [shelf.newest(name) for name in dict.fromkeys(each.releases for each in services().values())]
    if targets[0] is None:
        raise click.ClickException("There is no release yet. `butt steward` builds one.")
    for target in filter(None, targets):
        _to(target, size, halt, again=again, dry_run=dry_run)


def _to(target: "Release", size: int, halt: float, *, again: bool, dry_run: bool) -> None:
    """Upgrade, in waves, all bots whose services run releases of this source."""
    from butt.configuration import configuration
    from butt.sources import waves

    bots = waves.behind(target, again=again)
    click.echo(f"Release {target.label}: {len(bots)} bots are behind.")
    if dry_run:
        click.echo("".join(f"{bot.name}\n" for bot in bots), nl=False)
        return
    settings = configuration()
    patience = timedelta(seconds=3 * settings.start_patience + settings.trial_seconds + 60)
    for begin in range(0, len(bots), size):
        asked = waves.ask(bots[begin : begin + size], target)
        done = waves.follow(asked, target, patience=patience, pause=lambda: time.sleep(TICK))
        click.echo(f"{min(begin + size, len(bots))} of {len(bots)}: {done.upgraded} upgraded")
        for failed, why in done.failed.items():
            click.echo(f"  {failed}: {why}", err=True)
        for late in done.late:
            click.echo(f"  {late} is still on its way", err=True)
        if done.share_failed > halt:
            click.echo(
                f"Halted: {done.share_failed:.0%} of this wave failed. Bots that were upgraded stay upgraded.",
                err=True,
            )
            sys.exit(1)
