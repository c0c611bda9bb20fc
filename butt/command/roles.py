"""The parts of the service, each a program of its own: `butt public|private|steward|monitor|stand-in`."""

import asyncio
import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.command import cli, configure, home_option
from butt.command.files import need_files
from butt.command.reach import warn_of_reach

if TYPE_CHECKING:
    from butt.configuration import Configuration
    from butt.hosts import Host
    from butt.vault.keeper import VaultKeeper
    from butt.vault.returning import Returner

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

    from butt.beats import systemd
    from butt.beats.heart import Heart
    from butt.billing import worker
    from butt.clouds import CloudTrouble, chosen_cloud
    from butt.copies.copying import Copier
    from butt.hosts import BackgroundWork, chosen_host
    from butt.identity import service_keys
    from butt.sources.builder import Builder
    from butt.steward.steward import Steward
    from butt.waking.listening import set_all

    _refuse_what_would_be_charged()
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        set_all()

    for number in ENDS:
        signal.signal(number, end)

    heart = Heart("steward")

    def goes_on() -> bool:
        return not stop.is_set()

    def steward_goes_on() -> bool:
        heart.pulse()
        return goes_on()

    builder = threading.Thread(target=Builder().run, args=(goes_on,), name="builder", daemon=True)
    builder.start()
    threading.Thread(target=worker.run, args=(goes_on,), name="billing", daemon=True).start()
    try:
        cloud = chosen_cloud()
    except CloudTrouble as trouble:
        raise click.ClickException(f"{trouble} {trouble.mend}".strip()) from None
    if cloud.makes_machines and (settings.host, settings.salt) != ("salt", "master"):
        raise click.ClickException("Machines in the cloud need BUTT_HOST=salt and BUTT_SALT=master.")
    if cloud.makes_machines:
        from butt.clouds import tenants
        from butt.clouds.keeper import Keeper

        keeper = Keeper(cloud, tenants.document, forget=tenants.forget)
        threading.Thread(
            target=keeper.run, args=(goes_on, tenants.settle), name="keeper", daemon=True
        ).start()
    host = chosen_host()
    if isinstance(host, BackgroundWork):
        threading.Thread(target=host.work, args=(goes_on,), name="host", daemon=True).start()
    threading.Thread(target=Copier().run, args=(goes_on,), name="copies", daemon=True).start()
    if settings.vault:
        keeper_of_copies, returner = _vault_keeper(settings), _returner(settings, host)
        threading.Thread(target=keeper_of_copies.run, args=(goes_on,), name="vault", daemon=True).start()
        threading.Thread(target=returner.run, args=(goes_on,), name="returner", daemon=True).start()
    heart.start()
    systemd.ready()
    Steward(host, (service_keys().id,)).run(steward_goes_on)
    heart.stop()


def _vault_keeper(settings: "Configuration") -> "VaultKeeper":
    """The worker that sends to the vault. Invalid settings are reported at the start; a vault that is away is
    waited for.
    """
    from butt.vault import VaultTrouble
    from butt.vault.keeper import VaultKeeper
    from butt.vault.writing import writing

    try:
        return VaultKeeper(writing(settings), settings.home / "bots", round(settings.vault_gib * (1 << 30)))
    except VaultTrouble as trouble:
        raise click.ClickException(str(trouble)) from None


def _returner(settings: "Configuration", host: "Host") -> "Returner":
    from butt.storage import store_at
    from butt.vault.returning import Returner
    from butt.vault.sealing import identities

    return Returner(host, store_at(settings.vault), lambda: identities(Path(settings.vault_opens)))


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

    asyncio.run(watch())


def _refuse_what_would_be_charged() -> None:
    from butt.billing.chosen import billing

    if refusal := billing().refusal():
        raise click.ClickException(refusal)


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
