"""`butt machine add HOST`: what is done on the machine over ssh, and the progress shown meanwhile."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.configuration import configuration
from butt.environment import for_tools, last_line

if TYPE_CHECKING:
    from butt.machines.models import Machine

AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi'
SSH_SECONDS, JOIN_SECONDS, TICK = 120, 1500.0, 1.0


def check_host(host: str) -> None:
    """Raises click's `ClickException` for a name that ssh would take for something other than a host."""
    if host.startswith("-") or not host.isprintable() or any(sign.isspace() for sign in host):
        raise click.ClickException(
            f"{host!r} is not a host name. Give a name or an IP address, like root@203.0.113.7."
        )


def check_settings() -> None:
    """Raises click's `ClickException` where machines would get no bots."""
    settings = configuration()
    if (settings.host, settings.salt) != ("salt", "master"):
        raise click.ClickException(
            "Bots do not run on machines here. Set BUTT_HOST=salt, BUTT_SALT=master and BUTT_SALT_MASTER, restart the parts, then "
            "run this again."
        )


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
    shown, ends = "", time.monotonic() + JOIN_SECONDS
    while time.monotonic() < ends:
        machine = Machine.objects.get(minion_id=minion_id)
        if machine.seen_at is not None:
            click.echo(f"{minion_id} has reported and now gets new bots.")
            _tell_of_names(machine)
            return
        boot = machine.boot or {}
        words = f"  {boot.get('what', '')} {boot.get('trouble', '')}".rstrip()
        if boot and words != shown:
            click.echo(words)
            shown = words
        time.sleep(TICK)
    raise click.ClickException(
        f"{minion_id} has not reported in {JOIN_SECONDS / 60:.0f} minutes. On {host}, `journalctl -u butt-boot -u salt-minion` "
        "says why; then run this again."
    )


def _send(text: str, host: str) -> None:
    try:
        key = _key()
        # Whoever runs the command may have keys of their own, which ssh tries as well.
        command = ["ssh", "-o", "ConnectTimeout=20", "-i", str(key), "--", host, AS_ROOT]
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
            "ssh is not installed here. Install openssh-client, or use --script and run the script there yourself."
        ) from None
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"{host} took too long over ssh. Run this again.") from None
    if done.returncode:
        raise click.ClickException(_mended(last_line(done.stderr), host, key))


def _key() -> Path:
    """The service's own key for machines, made when first needed. Raises `FileNotFoundError` if there is no ssh."""
    folder = configuration().home / "ssh"
    key = folder / "id_ed25519"
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix="ssh-", dir=folder.parent) as made:
            draft = Path(made) / "ssh"
            draft.mkdir(mode=0o700)
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "butt", "-f", str(draft / key.name)]
            subprocess.run(make, env=for_tools(), check=True, capture_output=True, timeout=SSH_SECONDS)
            draft.rename(folder)
    return key


def _mended(said: str, host: str, key: Path) -> str:
    """What ssh said, and what to do about it."""
    if "Permission denied" in said:
        line = key.with_suffix(".pub").read_text().strip()
        return (
            f"{host} does not accept this service's key. Run this on {host}, as the user that is named there, then run this again:"
            f"\n\n  mkdir -p -m 700 ~/.ssh && echo '{line}' >>~/.ssh/authorized_keys\n"
        )
    if "Host key verification failed" in said:
        return (
            f"ssh does not know the key of {host} yet. Run this at a terminal, where ssh asks whether it is right. On {host}, "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows it."
        )
    return f"{host} over ssh: {said}. Fix that, then run this again."


def _tell_of_names(machine: "Machine") -> None:
    from butt.command.records import addresses_of, record
    from butt.machines.models import Machine

    domain = configuration().domain
    if configuration().pub_address or configuration().is_local:
        return
    names = [f"*.{domain}"] if Machine.objects.count() == 1 else ["BOT." + domain]
    lines = [record(name, address) for name in names for address in addresses_of(machine)]
    if lines:
        what = "Have the names of bots lead to it" if names[0].startswith("*") else "For each bot on it"
        click.echo("\n".join([f"{what}, in DNS:", *(f"  {line}" for line in lines)]))
