"""`butt vault …`: show what the vault has of bots, and bring back one whose data is gone."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from butt.command import cli, configure, home_option

if TYPE_CHECKING:
    from butt.agents.models import Agent
    from butt.configuration import Configuration
    from butt.storage import Store

key_option = click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A file with a secret age key; once for each of the two keys where they differ (default: BUTT_VAULT_OPENS).",
)


@cli.group()
def vault() -> None:
    """Show what the vault has of bots, and bring one back."""


@vault.command()
@home_option
@click.argument("name", required=False)
@key_option
def verify(home: Path | None, name: str | None, keys: tuple[Path, ...]) -> None:
    """Read the bot NAME, or all bots, back into a scratch folder and check each byte. Nothing runs.

    Ends with 1 if something is wrong or could not be checked.
    """
    settings = configure(home=home)

    from butt.vault.checking import check

    store, opened = _opened(settings, keys)
    ill = 0
    for bot in _bots(name):
        found = check(bot, store, opened)
        ill += not found.sound
        mark, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[found.sound]
        click.secho(f"{mark} {bot.name}: {found.words}", fg=colour)
    sys.exit(bool(ill))


@vault.command("return")
@home_option
@click.argument("name")
def come_back(home: Path | None, name: str) -> None:
    """Have the bot NAME, whose data is gone, come back and start by itself, as its owner can on its page.

    It needs BUTT_VAULT_OPENS.
    """
    configure(home=home)

    from butt.vault.asking import ask_back

    (bot,) = _bots(name)
    ask_back("operator", bot)
    click.echo(f"{name} is being brought back. Its page shows the progress.")


@vault.command("restore")
@home_option
@click.argument("name")
@key_option
@click.option(
    "--elsewhere",
    is_flag=True,
    help="Its machine and disk are lost and will never run again: restore it on another machine.",
)
def bring(home: Path | None, name: str, keys: tuple[Path, ...], elsewhere: bool) -> None:
    """Bring back the bot NAME, which is stopped and whose data is gone. Then start it: it catches up before
    it publishes.
    """
    settings = configure(home=home)

    from butt.hosts import chosen_host
    from butt.vault import VaultAway
    from butt.vault.coming_back import bring_back

    store, opened = _opened(settings, keys)
    (bot,) = _bots(name)
    try:
        copy = bring_back(bot, chosen_host(), store, opened, elsewhere=elsewhere)
    except VaultAway as away:
        raise click.ClickException(f"{away}. Nothing was changed: try again later.") from None
    known = max(bot.observed.sequence, copy.sequence)
    click.echo(
        f"{name} is back with {copy.messages} messages; {copy.sequence} of its own, of {known} that are known. Start it: it "
        "publishes nothing until peers that have its feed have nothing newer, or its owner says so."
    )


def _opened(settings: "Configuration", keys: tuple[Path, ...]) -> "tuple[Store, list[Any]]":
    from butt.storage import store_at
    from butt.vault.sealing import identities

    if not settings.vault:
        raise click.ClickException("There is no vault: set BUTT_VAULT.")
    if not keys and not settings.vault_opens:
        raise click.UsageError("Give the secret key of the vault: --key FILE.")
    paths = keys or (Path(settings.vault_opens),)
    return store_at(settings.vault), [key for path in paths for key in identities(path)]


def _bots(name: str | None) -> "list[Agent]":
    from butt.agents.bots import bots

    found = list(bots().exclude(progress__ssb_id=None).filter(**({"name": name} if name else {})))
    if name and not found:
        raise click.ClickException(f"There is no bot called {name}, or it was never alive.")
    return found
