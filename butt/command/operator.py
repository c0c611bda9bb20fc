"""`butt operator`: what the console does to people and bots, as commands."""

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from butt.command import cli, configure, home_option

if TYPE_CHECKING:
    from butt.agents.models import Agent

ACTIONS = (
    "suspend", "reinstate", "allow", "make-staff", "end-staff", "reset-factors",
    "block", "unblock", "take-down", "put-up", "rename", "hand-over", "move", "confirm-place",
    "come-back",
    "drain", "undrain", "empty",
)  # fmt: skip


@cli.command()
@home_option
@click.argument("subject")
@click.argument("text", type=click.File("r"))
def announce(home: Path | None, subject: str, text: TextIO) -> None:
    """Send an email to everybody with an account: SUBJECT, and the text in the file TEXT (- for standard
    input).
    """
    configure(home=home)

    from butt.operating.announcing import announce as tell

    tell(who_commands(), subject, text.read())
    click.echo("The monitor now sends it to each person once.")


@cli.command()
@home_option
@click.option("--reason", required=True, help="The reason, for the journal. The bot's people may read it.")
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("target")
@click.argument("value", required=False, default="")
def operator(home: Path | None, reason: str, action: str, target: str, value: str) -> None:
    """Apply ACTION to TARGET: a person's email address, a bot's name or a machine's id.

    VALUE is how many bots to allow, a bot's new name, the email address of a bot's new owner, the machine
    that it is moved to, or the one that it lives on.
    """
    configure(home=home)

    from butt.accounts.models import Account
    from butt.agents.bots import bots
    from butt.machines.models import Machine
    from butt.operating.actions import OF_BOT, OF_MACHINE, OF_PERSON, act
    from butt.vault.operating import OF_LOST

    found: Account | Agent | Machine | None
    if action in OF_PERSON:
        what, found = "person", Account.objects.filter(email=target.lower()).first()
    elif action in OF_MACHINE:
        what, found = "machine", Machine.objects.filter(minion_id=target).first()
    else:
        what, found = "bot", bots().filter(name=target.lower()).first()
    if found is None:
        raise click.ClickException(f"There is no {what} {target}.")
    act({**OF_PERSON, **OF_BOT, **OF_LOST, **OF_MACHINE}[action], who_commands(), found, reason, value)
    click.echo(f"Done: {action} {target}. The journal records who did it and why.")


def who_commands() -> str:
    """The name that the journal records for a command."""
    return f"operator {os.environ.get('SUDO_USER') or getpass.getuser()}"
