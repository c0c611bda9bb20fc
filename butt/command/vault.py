"""`butt vault …`: looking at what the vault has of bots, and bringing one back whose data is gone."""

import sys
import tempfile
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
    required=True,
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A file with a secret age key; once for each of the two keys where they differ.",
)


@cli.group()
def vault() -> None:
    """Look at what the vault has of bots, and bring one back."""


@vault.command()
@home_option
@click.argument("name", required=False)
@key_option
def verify(home: Path | None, name: str | None, keys: tuple[Path, ...]) -> None:
    """Read the bot NAME, or all bots, back into a scratch folder and check each byte. Nothing runs.

    Ends with 1 when something is wrong.
    """
    settings = configure(home=home)

    from butt.vault import VaultTrouble
    from butt.vault.reading import read

    store, opened = _opened(settings, keys)
    ill = 0
    for bot in _bots(name):
        with tempfile.TemporaryDirectory(prefix="vault-", dir=settings.home) as folder:
            try:
                copy = read(store, bot.id, str(bot.progress.ssb_id), opened, Path(folder))
            except VaultTrouble as trouble:
                ill += 1
                click.secho(f"✗ {bot.name}: {trouble}", fg="red")
                continue
        behind = max(0, bot.observed.sequence - copy.sequence)
        click.secho(
            f"✓ {bot.name}: {copy.messages} messages, {copy.sequence} of its own, {copy.blobs} blobs"
            + (f"; {behind} of its own are not there yet" if behind else ""),
            fg="green",
        )
    sys.exit(bool(ill))


@vault.command("restore")
@home_option
@click.argument("name")
@key_option
def bring(home: Path | None, name: str, keys: tuple[Path, ...]) -> None:
    """Bring back the bot NAME, which is stopped and whose data is gone. Start it then: it catches up before it speaks."""
    settings = configure(home=home)

    from butt.hosts import HostTrouble, chosen_host
    from butt.vault import VaultTrouble
    from butt.vault.coming_back import bring_back

    store, opened = _opened(settings, keys)
    (bot,) = _bots(name)
    try:
        copy = bring_back(bot, chosen_host(), store, opened)
    except (VaultTrouble, HostTrouble) as trouble:
        raise click.ClickException(str(trouble)) from None
    known = max(bot.observed.sequence, copy.sequence)
    click.echo(
        f"{name} is back with {copy.messages} messages; {copy.sequence} of its own, of {known} that are known. Start it: it "
        "says nothing until peers that have its feed have nothing newer, or its owner says so."
    )


def _opened(settings: "Configuration", keys: tuple[Path, ...]) -> "tuple[Store, list[Any]]":
    from butt.storage import NoStore, store_at
    from butt.vault import VaultTrouble
    from butt.vault.sealing import identities

    if not settings.vault:
        raise click.ClickException("There is no vault: set BUTT_VAULT.")
    if settings.host != "processes":
        raise click.ClickException("The vault is for bots that run as processes: BUTT_HOST is another.")
    try:
        return store_at(settings.vault), [key for path in keys for key in identities(path)]
    except (NoStore, VaultTrouble) as trouble:
        raise click.ClickException(str(trouble)) from None


def _bots(name: str | None) -> "list[Agent]":
    from butt.agents.bots import bots

    found = list(bots().exclude(progress__ssb_id=None).filter(**({"name": name} if name else {})))
    if name and not found:
        raise click.ClickException(f"There is no bot called {name} that was ever alive.")
    return found
