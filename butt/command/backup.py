"""`butt backup FILE` and `butt restore FILE`: the service's own rows and secrets."""

from pathlib import Path

import click

from butt.command import cli, configure, home_option

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@cli.command()
@home_option
@file_argument
def backup(home: Path | None, file: Path) -> None:
    """Write the service's rows and secrets to FILE, also while it runs. Keep it as you keep a key."""
    settings = configure(home=home)

    from butt.backups import BackupTrouble
    from butt.backups.making import make_backup

    try:
        count = make_backup(settings.home, file)
    except BackupTrouble as trouble:
        raise click.ClickException(str(trouble)) from None
    click.echo(
        f"{count} rows and the secrets are in {file}. The bots' own data is not: it lies in {settings.home}/bots."
    )


@cli.command()
@home_option
@file_argument
def restore(home: Path | None, file: Path) -> None:
    """Bring the rows and secrets of FILE back, into a service that is empty and does not run."""
    settings = configure(home=home)

    from django.core.management import call_command

    from butt.backups import BackupTrouble
    from butt.backups.restoring import restore_backup
    from butt.command.up import only_one

    with only_one(settings.home):
        try:
            call_command("migrate", verbosity=0, interactive=False)
            count = restore_backup(settings.home, file)
        except BackupTrouble as trouble:
            raise click.ClickException(str(trouble)) from None
    click.echo(f"{count} rows and the secrets are back.")
