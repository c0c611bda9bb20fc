"""`butt up`: everything in one place, in processes that are restarted when they die."""

import fcntl
import gc
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

import click

from butt.command import cli, configure, home_option, minding
from butt.command.children import TOGETHER, Nursery
from butt.command.files import need_files
from butt.command.minding import AFTER_DEATH, HEEDED, ended
from butt.command.schema import bring_up_to_date
from butt.configuration import Configuration
from butt.parts import BILLINGS, CLOUDS, HOSTS, part_named

ROLES = ("public", "private", "steward", "monitor")
STAND_IN = "stand-in"
PROCESSES = ("public", TOGETHER)
READY_SECONDS = 60
LOOK_EVERY = 0.02
EVERYWHERE = (
    "::",
    "0.0.0.0",  # nosec B104 # noqa: S104 - compared with, not bound to
)


@cli.command()
@home_option
@click.option("--port", type=click.IntRange(1, 65535), help="The public server's port (default: 8000).")
@click.option(
    "--private-port", type=click.IntRange(1, 65535), help="The private server's port (default: 8001)."
)
@click.option("--host", metavar="NAME", help="How bots run (default: processes).")
def up(home: Path | None, port: int | None, private_port: int | None, host: str | None) -> None:
    """Run the whole service here. Ctrl-C stops it and its bots."""
    settings = configure(home=home, port=port, private_port=private_port, host=host)
    # What is loaded stays: looking for garbage in it takes a sixth of the start.
    gc.disable()
    need_files()
    _refuse_unknown_names(settings)
    with only_one(settings.home) as lock:
        _refuse_taken_ports(settings)
        _prepare(settings)
        _run(settings, lock)


def only_one(home: Path) -> IO[str]:
    lock = (home / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise click.ClickException(
            f"butt up is already running in {home}. Choose another --home for a second one."
        ) from None
    return lock


def _refuse_unknown_names(settings: Configuration) -> None:
    for group, name in ((HOSTS, settings.host), (CLOUDS, settings.cloud), (BILLINGS, settings.billing)):
        part_named(group, name)


def _refuse_taken_ports(settings: Configuration) -> None:
    from butt.hosts.ports import port_trouble

    for option, host, port in (
        ("--port", settings.bind, settings.port),
        ("--private-port", settings.private_bind, settings.private_port),
        *((("--private-port", "127.0.0.1", settings.stand_in_port),) if settings.is_pretended else ()),
    ):
        if trouble := port_trouble(host, port):
            raise click.ClickException(f"{trouble} Choose another with {option}.")


def _prepare(settings: Configuration) -> None:
    from butt.billing.chosen import billing
    from butt.identity import service_keys
    from butt.sources import shelf
    from butt.sources.builder import shelve
    from butt.sources.kind import BuildFailed
    from butt.sources.places import pub_source
    from butt.sources.releases import build, check

    bring_up_to_date()
    if refusal := billing().refusal():
        raise click.ClickException(refusal)
    service_keys()
    settings.make_secrets()
    click.echo("Building the pub (about ten seconds the first time) …")
    try:
        source = pub_source()
        check(source)
        shelve(build(source))
    except BuildFailed as failed:
        if shelf.newest() is None:
            raise click.ClickException(str(failed)) from None
        # Running bots must not wait for a registry that is away.
        click.echo(f"{failed}\nThe previous release is used. The builder will try again.", err=True)


def _run(settings: Configuration, lock: IO[str]) -> None:
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for number in HEEDED:
        signal.signal(number, stop)
    names = (*PROCESSES, STAND_IN) if settings.is_pretended else PROCESSES
    nursery = Nursery()
    parts = {name: nursery.start(name) for name in names}
    deadline = time.monotonic() + READY_SECONDS
    while not stopping and not _answers(settings) and time.monotonic() < deadline:
        for name, part in parts.items():
            if part.exitcode is not None and not stopping:
                click.echo(ended(name, part.exitcode), err=True)
                time.sleep(AFTER_DEATH)
                parts[name] = nursery.start(name)
        time.sleep(LOOK_EVERY)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    if stopping:
        _stop(parts)
        return
    click.echo(f"{settings.site_name} is up: {settings.public_url}  (Ctrl-C stops it and its bots)")
    _become_minder(settings, parts, lock, nursery)


def _become_minder(
    settings: Configuration, parts: dict[str, BaseProcess], lock: IO[str], nursery: Nursery
) -> None:
    """Go on as a program that has loaded almost nothing: this one would keep a copy of all that the parts share."""
    files = (lock.fileno(), nursery.hold, nursery.end)
    for file in files:
        os.set_inheritable(file, True)
    sys.stdout.flush()
    sys.stderr.flush()
    arguments = ["up", "--home", str(settings.home), *map(str, files), TOGETHER]
    arguments += [f"{part.pid}={name}" for name, part in parts.items()]
    os.execv(sys.executable, [sys.executable, "-I", "-S", minding.__file__, *arguments])  # nosec B606 # noqa: S606


def _answers(settings: Configuration) -> bool:
    try:
        with urlopen(f"http://{_loopback(settings.bind)}:{settings.port}/up", timeout=1) as answer:  # nosec B310 # always http, of this machine
            return bool(answer.status == 200)  # noqa: PLR2004
    except (URLError, OSError):
        return False


def _loopback(bind: str) -> str:
    if bind in EVERYWHERE:
        return "127.0.0.1"
    return f"[{bind}]" if ":" in bind else bind


def _stop(parts: dict[str, BaseProcess]) -> None:
    """The parts first, so that nobody starts a bot that is being stopped."""
    click.echo("Stopping …")
    for part in parts.values():
        part.terminate()
    for part in parts.values():
        part.join(10)
        if part.is_alive():
            part.kill()
            part.join()
    _stop_all()


def stop_bots() -> None:
    """Stop all bots of this machine, for a `butt up` whose steward could not. Ends the process if it fails."""
    configure()
    try:
        _stop_all()
    except click.ClickException as trouble:
        trouble.show()
        sys.exit(trouble.exit_code)


def _stop_all() -> None:
    from butt.hosts import HostTrouble, chosen_host

    try:
        chosen_host().stop_all()
    except HostTrouble as trouble:
        raise click.ClickException(f"Some bots could not be stopped: {trouble}") from None
    click.echo("Stopped.")
