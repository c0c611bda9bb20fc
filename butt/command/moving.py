"""`butt move` and `butt machine empty`: move bots to other machines, and show the progress."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import cli, configure, home_option
from butt.command.machine import found_machine, machine
from butt.command.operator import who_commands

if TYPE_CHECKING:
    import uuid

    from butt.machines.models import Machine

TICK = 0.5
PATIENCE = 2 * 3600.0
"""Seconds after which the command stops waiting: a move has its own deadlines, and continues by itself."""

reason_option = click.option(
    "--reason", required=True, help="The reason, for the journal. The bot's people may read it."
)


@cli.command()
@home_option
@reason_option
@click.option("--wait/--no-wait", default=True, help="Wait until it is done, or return at once.")
@click.argument("name")
@click.argument("to", metavar="MACHINE")
def move(home: Path | None, reason: str, wait: bool, name: str, to: str) -> None:
    """Move the bot NAME to MACHINE, or to `here`, the control plane: it stops, its data is carried, and it starts there."""
    configure(home=home)

    from butt.agents.bots import bots
    from butt.operating.actions import OF_BOT, act

    bot = bots().filter(name=name.lower()).first()
    if bot is None:
        raise click.ClickException(f"There is no bot called {name}. The console lists all bots.")
    act(OF_BOT["move"], who_commands(), bot, reason, to)
    if not wait:
        click.echo(f"{bot.name} is being moved to {to}. Its page shows the progress.")
        return
    if trouble := _follow(bot.id, to):
        raise click.ClickException(trouble)
    click.echo(f"{bot.name} is on {to}.")


@machine.command()
@home_option
@reason_option
@click.argument("minion_id")
def empty(home: Path | None, reason: str, minion_id: str) -> None:
    """Move all bots of a machine to other machines, one after the other. It gets no new bots.

    It continues if this command is interrupted. It stops at a bot that cannot be moved; run it again to continue.
    """
    configure(home=home)

    from butt.operating.actions import OF_MACHINE, act
    from butt.operating.moving import bots_on

    leaving = found_machine(minion_id)
    act(OF_MACHINE["empty"], who_commands(), leaving, reason)
    click.echo(f"Bots on {minion_id}: {len(bots_on(leaving))}.")
    if trouble := _follow_emptying(leaving):
        left = len(bots_on(leaving))
        raise click.ClickException(f"{trouble} {left} bots are left on {minion_id}.")
    click.echo(f"{minion_id} is empty. `butt machine remove {minion_id}` removes it.")


def _follow_emptying(leaving: "Machine") -> str:
    """Show the progress until no bot is left; why it ended before that, or an empty string."""
    from butt.agents.bots import bots

    shown = ""
    while True:
        leaving.refresh_from_db()
        now = leaving.emptying
        if not now or "trouble" in now:
            return str(now.get("trouble", ""))
        bot = bots().filter(id=now.get("bot")).first()
        words = f"{bot.name}  #{bot.progress.state}  {bot.progress.reason}".rstrip() if bot else ""
        if words and words != shown:
            click.echo(f"  {words}")
            shown = words
        time.sleep(TICK)


def _follow(bot_id: "uuid.UUID", to: str) -> str:
    """Show the progress of the move until it is over; why it did not finish, or an empty string."""
    from butt.agents.bots import bots
    from butt.operating.moving import is_under_way, place_of

    shown, ends = "", time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        bot = bots().filter(id=bot_id).first()
        if bot is None:
            return "The bot is gone."
        if not is_under_way(bot):
            arrived = place_of(bot) == to
            if arrived and bot.progress.state != "broken":
                return ""
            return bot.progress.move_notice or bot.progress.reason
        words = f"#{bot.progress.state}  {bot.progress.reason}".rstrip()
        if words != shown:
            click.echo(f"  {words}")
            shown = words
        time.sleep(TICK)
    return "This is taking long and continues on its own. Its page shows the progress."
