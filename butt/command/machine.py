"""`butt machine`: the machines that may join the Salt master and run bots."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import cli, configure, home_option
from butt.command.joining import check_host, check_settings, join
from butt.command.operator import who_commands

if TYPE_CHECKING:
    from butt.machines.models import Machine


@cli.group()
def machine() -> None:
    """Add, list and remove machines."""


@machine.command()
@home_option
@click.option("--person", type=click.UUID, help="Run only the bots of the person with this id.")
@click.option(
    "--script", is_flag=True, help="Do not call HOST: print what to run there as root. It is a secret."
)
@click.argument("host", required=False, default="")
def add(home: Path | None, person: uuid.UUID | None, script: bool, host: str) -> None:
    """Add a machine. Without HOST, say where its keys are.

    HOST is a Debian machine as ssh knows it, like root@203.0.113.7: Docker, the Salt minion and its keys are
    brought there. Run it again with the same HOST to continue.
    """
    configure(home=home)

    from butt.agents.models import Agent
    from butt.machines.models import Machine
    from butt.machines.registry import admit, bundle, register

    owner = Agent.objects.filter(type=Agent.Type.PERSON, id=person).first() if person else None
    if person and owner is None:
        raise click.ClickException(f"There is no person {person}. The console shows each person's id.")
    if not host:
        if script:
            raise click.UsageError("Give the HOST that the script is for.")
        made = register(owner)
        click.echo(f"{made.minion_id} may join. Copy this folder to it: {bundle(made)}")
        return
    check_host(host)
    check_settings()
    known = Machine.objects.filter(host=host).first()
    made = known or register(owner)
    Machine.objects.filter(id=made.id).update(host=host)
    admit(made)
    join(made.minion_id, host, only_print=script)


@machine.command(name="list")
@home_option
def list_machines(home: Path | None) -> None:
    """Show each machine: its id, how many bots it runs, when it last reported, and its trouble."""
    configure(home=home)

    from django.db.models import Count

    from butt.machines.models import Machine
    from butt.machines.status import status_of

    for row in Machine.objects.annotate(bots=Count("placements")).order_by("created_at"):
        seen = f"{row.seen_at:%F %T}" if row.seen_at else "never"
        full = "its disk is nearly full  " if status_of(row).is_nearly_full else ""
        click.echo(
            f"{row.minion_id}  {row.state}  {row.bots} bots  seen {seen}  {full}{row.trouble}".rstrip()
        )


@machine.command()
@home_option
@click.option("--hours", default=24, show_default=True, help="How long the old token still works.")
@click.argument("minion_id")
def rotate(home: Path | None, hours: int, minion_id: str) -> None:
    """Make a new token for a machine and put it in the machine's folder."""
    configure(home=home)

    from butt.machines.registry import bundle
    from butt.machines.registry import rotate as renew

    found = found_machine(minion_id)
    renew(found, timedelta(hours=hours))
    click.echo(f"Copy {bundle(found)}/token to the machine within {hours} hours.")


@machine.command()
@home_option
@click.option("--undo", is_flag=True, help="Let new bots be placed on it again.")
@click.option("--reason", default="maintenance", show_default=True, help="The reason, for the journal.")
@click.argument("minion_id")
def drain(home: Path | None, undo: bool, reason: str, minion_id: str) -> None:
    """Place no new bots on a machine. Its bots stay; `butt machine empty` moves them away."""
    configure(home=home)

    from butt.operating.actions import OF_MACHINE, act

    act(OF_MACHINE["undrain" if undo else "drain"], who_commands(), found_machine(minion_id), reason)
    click.echo(f"{minion_id} gets new bots again." if undo else f"{minion_id} gets no new bots.")


@machine.command()
@home_option
@click.argument("minion_id")
def remove(home: Path | None, minion_id: str) -> None:
    """Remove a machine without bots, and its key."""
    configure(home=home)

    from butt.machines.registry import remove as forget

    forget(found_machine(minion_id))
    click.echo(f"{minion_id} cannot join any more.")


def found_machine(minion_id: str) -> "Machine":
    """Raises click's `ClickException` if there is none."""
    from butt.machines.models import Machine

    found = Machine.objects.filter(minion_id=minion_id).first()
    if found is None:
        raise click.ClickException(f"There is no machine {minion_id}.")
    return found
