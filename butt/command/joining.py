"""`butt machine add HOST`: what is done on the machine over ssh, and what is told of it meanwhile."""

import subprocess
import time
from typing import TYPE_CHECKING

import click

from butt.environment import for_tools

if TYPE_CHECKING:
    from butt.machines.models import Machine

AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi'
SSH_SECONDS, JOIN_SECONDS, TICK = 120, 1500.0, 1.0


def check_host(host: str) -> None:
    """Raises click's `ClickException` for what ssh would take for something else than a host."""
    if host.startswith("-") or not host.isprintable() or any(sign.isspace() for sign in host):
        raise click.ClickException(f"{host!r} is no host.")


def join(minion_id: str, host: str, *, only_print: bool) -> None:
    """Have the machine join, and wait until it has reported. Raises click's `ClickException`."""
    from butt.clouds.joining import script
    from butt.machines.models import Machine

    text = script(Machine.objects.get(minion_id=minion_id))
    if only_print:
        click.echo(text, nl=False)
        return
    click.echo(f"{minion_id} is to be {host}.")
    _send(text, host)
    told, ends = "", time.monotonic() + JOIN_SECONDS
    while time.monotonic() < ends:
        machine = Machine.objects.get(minion_id=minion_id)
        if machine.seen_at is not None:
            click.echo(f"{minion_id} has reported, and gets new bots from now on.")
            _tell_of_names(machine)
            return
        boot = machine.boot or {}
        words = f"  {boot.get('what', '')} {boot.get('trouble', '')}".rstrip()
        if boot and words != told:
            click.echo(words)
            told = words
        time.sleep(TICK)
    raise click.ClickException(
        f"{minion_id} has not reported in {JOIN_SECONDS / 60:.0f} minutes. On {host}, `journalctl -u butt-boot -u salt-minion` "
        "says why; then run this again."
    )


def _send(text: str, host: str) -> None:
    command = ["ssh", "-o", "ConnectTimeout=20", "--", host, AS_ROOT]
    try:
        done = subprocess.run(
            command,
            env=for_tools(),
            input=text,
            text=True,
            capture_output=True,
            timeout=SSH_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise click.ClickException(
            "There is no ssh here. Install openssh-client, or use --script and carry it there yourself."
        ) from None
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"{host} takes too long over ssh. Run this again.") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:300]
        raise click.ClickException(f"{host} over ssh: {said}. Mend that, then run this again.")


def _tell_of_names(machine: "Machine") -> None:
    from butt.command.records import addresses_of, record
    from butt.configuration import configuration
    from butt.machines.models import Machine

    domain = configuration().domain
    if configuration().pub_address or configuration().is_local:
        return
    names = [f"*.{domain}"] if Machine.objects.count() == 1 else ["BOT." + domain]
    lines = [record(name, address) for name in names for address in addresses_of(machine)]
    if lines:
        what = "Have the names of bots lead to it" if names[0].startswith("*") else "For each bot on it"
        click.echo("\n".join([f"{what}, in DNS:", *(f"  {line}" for line in lines)]))
