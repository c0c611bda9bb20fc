"""The parts of the service, each a program of its own: `butt public|private|steward|monitor|stand-in`."""

import asyncio
import contextlib
import os
import signal
import threading
from pathlib import Path

import click
import uvloop

from butt.command import cli, configure, home_option
from butt.command.files import need_files
from butt.command.reach import warn_of_reach

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals at which a part ends in an orderly way. After SIGHUP, systemd starts it again with the current settings."""


@cli.command()
@home_option
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on (default: 8000).")
def public(home: Path | None, port: int | None) -> None:
    """Serve the pages and the JSON API."""
    settings = configure(home=home, port=port)
    settings.make_secrets()

    from django.db import DatabaseError

    from butt.imports.receiving import sweep

    # The server starts even if the database is away; the next import sweeps as well.
    with contextlib.suppress(DatabaseError):
        sweep()
    need_files()
    _serve("public", settings.bind, settings.port)


@cli.command()
@home_option
@click.option("--private-port", type=click.IntRange(1, 65535), help="The port to listen on (default: 8001).")
def private(home: Path | None, private_port: int | None) -> None:
    """Serve the private API for Salt and machines."""
    settings = configure(home=home, private_port=private_port)
    settings.make_secrets()

    from butt.private.django_settings import use_private_settings

    use_private_settings()
    need_files()
    _serve("private", settings.private_bind, settings.private_port)


@cli.command()
@home_option
def steward(home: Path | None) -> None:
    """Run the steward, which carries out what people want."""
    settings = configure(home=home)
    settings.make_secrets()
    warn_of_reach(settings)

    from butt.command.stewarding import Stewarding
    from butt.waking.listening import set_all

    stewarding, stop = Stewarding(settings), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        set_all()

    for number in ENDS:
        signal.signal(number, end)
    stewarding.run(lambda: not stop.is_set())


@cli.command()
@home_option
def monitor(home: Path | None) -> None:
    """Run the monitor, which watches the bots and records what it sees."""
    configure(home=home).make_secrets()
    need_files()

    from butt.beats import systemd
    from butt.beats.heart import Heart
    from butt.identity import service_keys
    from butt.limits.slowed import keep_noting
    from butt.monitor.monitor import Monitor

    keep_noting()

    async def watch() -> None:
        task = asyncio.current_task()
        for number in ENDS:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)  # type: ignore[union-attr]
        heart = Heart("monitor").start()
        heart.follow(asyncio.get_running_loop())
        systemd.ready()
        try:
            await Monitor(service_keys()).run()
        except asyncio.CancelledError:
            await asyncio.to_thread(heart.stop)
            # Everything is written. Saying goodbye to ten thousand bots would take a minute; a dropped connection tells them
            # the same.
            os._exit(0)

    uvloop.run(watch())


@cli.command()
@home_option
def end_subscriptions(home: Path | None) -> None:
    """End all subscriptions at Stripe for good. Unused paid days stay there as credit."""
    configure(home=home)

    from butt.billing.chosen import billing
    from butt.billing.interface import NoAnswer
    from butt.billing.subscriptions import Subscriptions

    house = billing()
    if not isinstance(house, Subscriptions):
        raise click.ClickException("There are no subscriptions with this billing. Set BUTT_BILLING=stripe.")
    try:
        click.echo(f"{house.end_all()} subscriptions have ended. Nobody is charged any more.")
    except NoAnswer as trouble:
        raise click.ClickException(f"{trouble} Those before it have ended. Run this again.") from None


@cli.command()
@home_option
def stand_in(home: Path | None) -> None:
    """Run the local stand-in for Stripe. No money moves."""
    settings = configure(home=home)

    from butt.billing import standin

    standin.serve(settings)


@cli.command(context_settings={"ignore_unknown_options": True})
@home_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(home: Path | None, arguments: tuple[str, ...]) -> None:
    """Django's own commands, like `butt manage migrate`."""
    configure(home=home)

    from django.core.management import execute_from_command_line

    execute_from_command_line(["butt manage", *arguments])


def _serve(part: str, host: str, port: int) -> None:
    from butt.serving.server import serve

    serve(part, f"butt.{part}.asgi:application", host, port)
