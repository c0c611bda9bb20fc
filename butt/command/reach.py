"""Whether apps accept the addresses of bots: checked by `butt doctor` and when the service starts."""

import click

from butt.configuration import Configuration
from butt.trouble import Finding
from scuttlekit.addresses import apps_take

MEND = "Set BUTT_PUB_ADDRESS to a domain name or an IP address, or BUTT_DOMAIN to a domain of yours."


def reach(settings: Configuration) -> Finding:
    """Apps refuse invites to hosts that ssb-ref does not know, without saying why."""
    host = settings.bot_host("my")
    if apps_take(host):
        return Finding(f"Apps take the address of a bot called “my”: {host}.")
    return Finding(
        f"Apps refuse the invites of bots at “{host}”: it is neither an IP address nor a name with a dot in it.",
        MEND,
    )


def warn_of_reach(settings: Configuration) -> None:
    if (found := reach(settings)).mend:
        click.echo(f"{found.what} {found.mend}", err=True)
