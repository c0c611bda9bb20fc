"""`butt operator`: what the console does to people and bots, as commands."""

import getpass
import os
from pathlib import Path
from typing import TextIO

import click

from butt.command import cli, configure, home_option

ACTIONS = (
    "suspend", "reinstate", "allow", "make-staff", "end-staff", "reset-factors",
    "block", "unblock", "take-down", "put-up", "rename", "hand-over", "move",
)  # fmt: skip


@cli.command()
@home_option
@click.argument("subject")
@click.argument("text", type=click.File("r"))
def announce(home: Path | None, subject: str, text: TextIO) -> None:
    """Tell everybody with an account something by e-mail: SUBJECT, and what the file TEXT says (- for the input)."""
    configure(home=home)

    from butt.operating import NotDone
    from butt.operating.announcing import announce as tell

    try:
        tell(who_commands(), subject, text.read())
    except NotDone as why:
        raise click.ClickException(str(why)) from None
    click.echo("The monitor sends it from now on, to each person once.")


@cli.command()
@home_option
@click.option(
    "--reason", required=True, help="Why; it is kept in the journal, and the bot's people may read it."
)
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("target")
@click.argument("value", required=False, default="")
def operator(home: Path | None, reason: str, action: str, target: str, value: str) -> None:
    """Do what operators do: ACTION to TARGET, a person's e-mail address or a bot's name.

    VALUE is how many bots to allow, a bot's new name, the address of whom a bot is handed over to, or the machine that it is moved to.
    """
    configure(home=home)

    from butt.accounts.models import Account
    from butt.agents.bots import bots
    from butt.operating import NotDone
    from butt.operating.actions import OF_BOT, OF_PERSON, act

    found: object
    if action in OF_PERSON:
        found = Account.objects.filter(email=target.lower()).first()
    else:
        found = bots().filter(name=target.lower()).first()
    if found is None:
        raise click.ClickException(f"There is no {'person' if action in OF_PERSON else 'bot'} {target}.")
    try:
        act({**OF_PERSON, **OF_BOT}[action], who_commands(), found, reason, value)
    except NotDone as why:
        raise click.ClickException(str(why)) from None
    click.echo(f"Done: {action} {target}. The journal says who and why.")


def who_commands() -> str:
    """Whom the journal names for a command."""
    return f"operator {os.environ.get('SUDO_USER') or getpass.getuser()}"
