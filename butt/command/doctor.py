"""`butt doctor`: what is missing here, and how to fix it."""

import difflib
import errno
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from butt.command import cli, configure, home_option
from butt.command.backup_checks import backups, vault
from butt.command.files import open_as_many_files_as_may_be
from butt.command.living import RUNNING, lives, needed
from butt.command.money import billing, life, worth
from butt.command.reach import reach
from butt.command.salt_checks import salt
from butt.configuration import Configuration
from butt.environment import for_tools
from butt.home import is_closed
from butt.hosts.ports import not_available, refusal_to_listen
from butt.parts import UnknownPart
from butt.trouble import Finding

FILES = 4096
"""Each open page and each watched bot takes one."""


@cli.command()
@home_option
@click.option("--cloud", metavar="NAME", help="Only check the keys and permissions for this cloud.")
@click.option(
    "--billing",
    "live",
    type=click.Choice(["stripe"]),
    help="Only try the whole life of a subscription there, with test keys.",
)
@click.option(
    "--part",
    type=click.Choice(RUNNING),
    help="Only check whether this part of the service is alive.",
)
def doctor(home: Path | None, cloud: str | None, live: str | None, part: str | None) -> None:
    """Say what is missing and how to fix it. Exits with 1 if anything is."""
    settings = configure(home=home, cloud=cloud, billing=live)
    checks = [life] if live else [_cloud] if cloud else [*CHECKS, _cloud]
    if part:
        checks = [lambda settings: lives(settings, part)]
    findings = []
    for finding in (finding for check in checks for finding in check(settings)):
        findings.append(finding)
        if finding.mend:
            click.secho(f"✗ {finding.what}", fg="red")
            click.echo(f"  → {finding.mend}")
        else:
            click.secho(f"✓ {finding.what}", fg="green")
    ill = sum(bool(finding.mend) for finding in findings)
    click.echo(f"{ill} to fix." if ill else "All is well.")
    sys.exit(bool(ill))


def _names(_: Configuration) -> Iterator[Finding]:
    """A misspelled name is a setting that has no effect. Clouds and other packages have settings of their own."""
    ours = {f"BUTT_{name.upper()}" for name in Configuration.model_fields}
    for name in sorted(os.environ):
        if name.startswith("BUTT_") and name not in ours:
            for meant in difflib.get_close_matches(name, ours, n=1, cutoff=0.85):
                yield Finding(f"There is no setting {name}.", f"Is it {meant}? Correct it or remove it.")


def _home(settings: Configuration) -> Iterator[Finding]:
    probe = settings.home / ".doctor"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Finding(
            f"The home folder {settings.home} cannot be written: {error.strerror}", "Choose another --home."
        )
        return
    yield Finding(f"The home folder {settings.home} can be written.")
    mend = "" if is_closed(settings.home) else f"Run `chmod 700 {shlex.quote(str(settings.home))}`."
    yield Finding(f"Nobody else can read it{' yet' if mend else ''}.", mend)
    most = open_as_many_files_as_may_be()
    mend = (
        "" if most >= FILES else f"Run `ulimit -n {FILES}` before the start, or set LimitNOFILE in its unit."
    )
    yield Finding(f"A part of the service may open {most} files.", mend)
    from butt.health.checks import ROOM

    free = shutil.disk_usage(settings.home).free
    mend = "" if free >= ROOM else f"Make room: at least {ROOM >> 20} MiB are needed."
    yield Finding(f"{free >> 20} MiB of disk are free.", mend)


def _runtimes(_: Configuration) -> Iterator[Finding]:
    from butt.sources.kinds import KINDS

    for kind in KINDS:
        try:
            subprocess.run(kind.proof, env=for_tools(), capture_output=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            yield Finding(f"No bot can be built for {kind.runtime}: {error}", "Run `make setup` again.")
        else:
            yield Finding(f"Bots can be built for {kind.runtime}.")


def _pub(_: Configuration) -> Iterator[Finding]:
    from butt.sources.kind import BuildFailed
    from butt.sources.places import pub_source
    from butt.sources.releases import check, digest_of, release

    try:
        source = pub_source()
        check(source)
    except BuildFailed as failed:
        yield Finding(
            str(failed), "Install the service again, or set BUTT_PUB_SOURCE to a source of your own."
        )
        return
    built = release(digest_of(source))
    mend = "" if built.path.is_dir() else "Run `butt up`: it builds the pub."
    yield Finding(f"The pub's release is {built.digest}.", mend)


def _host(settings: Configuration) -> Iterator[Finding]:
    from butt.hosts import HostTrouble, chosen_host

    try:
        port = chosen_host().free_port(frozenset())
    except UnknownPart as unknown:
        yield Finding(str(unknown), "Set BUTT_HOST.")
        return
    except HostTrouble as trouble:
        yield Finding(f"Bots cannot listen: {trouble}", "Set BUTT_PUB_BIND or BUTT_PUB_PORTS.")
        return
    yield Finding(f"Bots can listen on {settings.bot_bind}, from port {port} on.")


def _reach(settings: Configuration) -> Iterator[Finding]:
    yield reach(settings)


def _cloud(settings: Configuration) -> Iterator[Finding]:
    from butt.clouds import CloudTrouble, chosen_cloud

    try:
        cloud = chosen_cloud()
        for right in cloud.rights():
            yield Finding(right.what, right.mend)
        if cloud.makes_machines:
            yield worth(settings, cloud)
    except UnknownPart as unknown:
        yield Finding(str(unknown), "Set BUTT_CLOUD.")
    except CloudTrouble as trouble:
        yield Finding(str(trouble), trouble.mend or "Set what the cloud needs; docs/settings.md lists it.")


def _joining(settings: Configuration) -> Iterator[Finding]:
    if settings.cloud == "here":
        return
    joins = (settings.host, settings.salt) == ("salt", "master") and settings.salt_master
    mend = "" if joins else "Set BUTT_HOST=salt, BUTT_SALT=master and BUTT_SALT_MASTER."
    said = f"Machines join the Salt master at {settings.salt_master}." if joins else "Machines cannot join."
    yield Finding(said, mend)


def _ports(settings: Configuration) -> Iterator[Finding]:
    for name, host, port in (
        ("public", settings.bind, settings.port),
        ("private", settings.private_bind, settings.private_port),
    ):
        error, bind = refusal_to_listen(host, port), f"BUTT_{'' if name == 'public' else 'PRIVATE_'}BIND"
        if error is None:
            yield Finding(f"Port {port} is free for the {name} server.")
        elif error.errno == errno.EADDRINUSE:
            yield Finding(f"{not_available(host, port, error)} It may be `butt up` itself.")
        else:
            mend = f"Set {bind} to an address of this machine, or another port."
            yield Finding(not_available(host, port, error), mend)


CHECKS: list[Callable[[Configuration], Iterator[Finding]]] = [
    _names,
    _home,
    needed,
    _runtimes,
    _pub,
    _host,
    _reach,
    salt,
    _joining,
    _ports,
    billing,
    backups,
    vault,
]
