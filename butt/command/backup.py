"""`butt backup` and `butt restore`: the service's own rows and secrets."""

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import cli, configure, home_option

if TYPE_CHECKING:
    from collections.abc import Iterator

AGE = b"age-encryption.org/"


@cli.command()
@home_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--to", "place", help="Keep it at file:///FOLDER or s3://BUCKET/PREFIX (default: BUTT_BACKUP_TO)."
)
def backup(home: Path | None, file: Path | None, place: str | None) -> None:
    """Write the service's rows and secrets to FILE, also while it runs. Guard it like a key.

    Without FILE it is encrypted and kept in object storage.
    """
    settings = configure(home=home)
    place = place or settings.backup_to

    from butt.backups.keeping import keep_backup
    from butt.backups.making import make_backup

    if file:
        count, written_to = make_backup(settings.home, file), str(file)
    elif place:
        written_to, count = keep_backup(settings.home, place, settings.backup_key, settings.backup_keep)
    else:
        raise click.UsageError("Name a FILE, give --to, or set BUTT_BACKUP_TO.")
    click.echo(
        f"{count} rows and the secrets are in {written_to}. The bots' own data is not: it is in {settings.home}/bots."
    )


@cli.command()
@home_option
@click.argument("file")
@click.option(
    "--key",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The file with the secret age key for an encrypted backup.",
)
def restore(home: Path | None, file: str, key: Path | None) -> None:
    """Restore the rows and secrets from FILE into an empty service that is not running.

    FILE may also be an address in object storage.
    """
    settings = configure(home=home)

    from butt.backups.restoring import restore_backup
    from butt.command.up import only_one

    with only_one(settings.home), _readable(settings.home, file, key) as place:
        count = restore_backup(settings.home, place)
    click.echo(f"{count} rows and the secrets are back.")

    from butt.machines.models import Unconfirmed

    if waiting := Unconfirmed.objects.count():
        click.echo(
            f"Bots that wait: {waiting}. They get no orders until their machines say that they run there, or you confirm "
            "where they live. `butt doctor` lists them."
        )


@contextmanager
def _readable(home: Path, file: str, key: Path | None) -> "Iterator[Path]":
    """The backup as an unencrypted file on this machine. Raises `BackupTrouble`."""
    from butt.backups import BackupTrouble
    from butt.backups.keeping import fetch_backup, open_backup

    with tempfile.TemporaryDirectory(prefix="restore-", dir=home) as folder:
        place = Path(file)
        if "://" in file:
            place = Path(folder) / "fetched"
            with place.open("wb") as target:
                fetch_backup(file, target)
        try:
            with place.open("rb") as begun:
                sealed = begun.read(len(AGE)) == AGE
        except OSError as error:
            raise BackupTrouble(f"{file} cannot be read as a backup: {error}") from None
        if sealed:
            if key is None:
                raise BackupTrouble(f"{file} is encrypted. Give --key FILE with its secret age key.")
            opened = Path(folder) / "backup.zip"
            with opened.open("wb") as target:
                open_backup(place, key, target)
            place = opened
        yield place
