"""`butt machine replace` and `restore`: an operator's decisions about a person's machine in the cloud."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import configure, home_option
from butt.command.machine import machine

if TYPE_CHECKING:
    from butt.clouds.models import Rented


@machine.command()
@home_option
@click.argument("minion_id")
def replace(home: Path | None, minion_id: str) -> None:
    """Replace a machine, keeping its volume. The old one goes first, with everything that runs on it."""
    configure(home=home)

    from butt.clouds import rentals

    rentals.replace(_rented(minion_id).agent_id)
    click.echo("It is being replaced. Its bots are down for a few minutes.")


@machine.command()
@home_option
@click.argument("minion_id")
@click.argument("snapshot", required=False)
def restore(home: Path | None, minion_id: str, snapshot: str | None) -> None:
    """Restore a lost volume from SNAPSHOT. Without one, list the snapshots.

    Bots whose log is then behind what was seen of them stay stopped: their feeds never fork.
    """
    configure(home=home)

    from butt.clouds import chosen_cloud, rentals
    from butt.clouds.interface import Condition, ResourceKind

    rented = _rented(minion_id)
    snapshots = chosen_cloud().inventory([rented.zone]).of(rented.agent_id).all(ResourceKind.SNAPSHOT)
    found = [thing for thing in snapshots if thing.condition is Condition.READY]
    if snapshot is None:
        for thing in found:
            click.echo(f"{thing.id}  {thing.created:%F %H:%M}  {thing.size / 1e9:.0f} GB")
        if not found:
            click.echo("There is no snapshot.")
        return
    if snapshot not in {thing.id for thing in found}:
        raise click.ClickException(f"There is no snapshot {snapshot} of this person's.")
    rentals.restore(rented.agent_id, snapshot)
    click.echo("Its volume will be made again from that snapshot once the old one is seen to be gone.")


def _rented(minion_id: str) -> "Rented":
    from butt.clouds.models import Rented
    from butt.machines.models import Machine

    known = Machine.objects.filter(minion_id=minion_id).values("id")
    found = Rented.objects.filter(agent_id__in=known).first()
    if found is None:
        raise click.ClickException(f"There is no machine {minion_id} in the cloud.")
    return found
