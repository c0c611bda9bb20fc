"""The command `butt`."""

import atexit
import errno
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from butt.configuration import Configuration, may_be_secret
from butt.trouble import Trouble

NOT_THERE = frozenset({"42P01", "42703"})
"""PostgreSQL's codes for a table and a column that do not exist."""

MODULES = (
    *("backup", "doctor", "install", "machine", "moving", "network", "operator", "people", "rented", "roles"),
    *("salt_master", "sweep", "up", "upgrade", "vault"),
)
"""Each adds its own commands."""

MODULES_OF = {"up": ("up",)} | dict.fromkeys(
    ("public", "private", "steward", "monitor", "stand-in"), ("roles",)
)
"""Commands that live as long as the service load no others."""

POSTPONED = ("allauth.mfa.webauthn.internal.auth", "sqlparse")
"""Passkeys, which load fido2 and cryptography, a tenth of all that a server loads; and what reads SQL of migrations."""

home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that holds all state (default: ./.butt).",
)


class PlainCommand(click.Command):
    """Shows each `Trouble` in one line, and then ends with 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Trouble as trouble:
            raise click.ClickException(f"{trouble} {trouble.mend}".strip()) from None


class PlainGroup(click.Group):
    command_class = PlainCommand
    group_class = type


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="butt")
def cli() -> None:
    """Butt as a Service: your own Secure Scuttlebutt pub in the cloud."""


def main(arguments: list[str] | None = None) -> None:
    """The entry point: an invalid setting is reported in one line, not in a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Python looks for garbage once more at its end, although the system takes back all memory anyway.
    atexit.register(gc.freeze)
    with _loading():
        for module in MODULES_OF.get(arguments[0] if arguments else "", MODULES):
            import_module(f"butt.command.{module}")
    try:
        cli(arguments, prog_name="butt")
    except ValidationError as error:
        for problem in error.errors():
            field = "_".join(map(str, problem["loc"]))
            # A value that may be a password is not repeated: this line goes to the journal.
            given = "" if may_be_secret(field) else f" (it is {problem['input']!r})"
            said = problem["msg"].removeprefix("Value error, ")
            click.echo(f"butt: BUTT_{field.upper()}: {said}{given}", err=True)
        sys.exit(78)
    except Exception as error:
        if not (said := _about_the_disk(error) or _about_the_database(error)):
            raise
        click.echo(f"Error: {said}", err=True)
        sys.exit(1)


def _about_the_disk(error: Exception) -> str:
    """What to do where there is no room; empty for any other error."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is full: {error}. Make room, and run the command again."
    return ""


def _about_the_database(error: Exception) -> str:
    """What to do where the database is away or has not all tables; empty for any other error."""
    from django.db import OperationalError, ProgrammingError
    from django.db.migrations.exceptions import NodeNotFoundError

    if isinstance(error, NodeNotFoundError):
        from butt.health.checks import TOO_OLD

        return " ".join(TOO_OLD)
    if isinstance(error, OperationalError):
        mend = "Start it, set BUTT_DATABASE_URL, or run `butt manage migrate`; `butt doctor` says which."
    elif isinstance(error, ProgrammingError) and getattr(error.__cause__, "sqlstate", "") in NOT_THERE:
        mend = "Run `butt manage migrate`."
    else:
        return ""
    return f"The database cannot be used: {str(error).strip()}. {mend}"


def configure(**given: object) -> Configuration:
    """Set Django up with these options; an option overrides its variable."""
    for name, value in given.items():
        if value is not None:
            os.environ[f"BUTT_{name.upper()}"] = str(value)
    os.environ["DJANGO_SETTINGS_MODULE"] = "butt.settings"

    import django

    from butt.command.lean import load_ninja, postpone
    from butt.configuration import configuration
    from butt.error_reports import check
    from butt.home import hold
    from butt.limits.table import check_limits

    hold(configuration().home)
    check_limits()
    check(configuration().sentry_dsn.get_secret_value())
    with _loading():
        postpone(*POSTPONED)
        load_ninja()
        django.setup()
    return configuration()


@contextmanager
def _loading() -> Iterator[None]:
    """What is loaded in this block stays, so no garbage is looked for in it, neither now nor later. That would take a third of a
    command's time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
