"""Checks of everything the service needs. None raises, and each ends within seconds."""

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor

from butt.beats.living import living
from butt.billing.chosen import billing
from butt.configuration import configuration
from butt.parts import UnknownPart
from butt.sources import shelf

ROOM = 500 * 1024 * 1024
"""The free disk space, in bytes, that the home folder needs."""

PATIENCE = 2.0
"""Seconds for another server to accept a connection: all checks together take less than Prometheus's timeout."""

TOO_OLD = (
    "The database is from before version 0.1.0, and this version cannot migrate it.",
    "Install version 0.1.0, run its `butt manage migrate`, then install this version again.",
)
"""What is wrong, and what to do, if only some of the migrations that were squashed have been applied."""

STRIPE = ("api.stripe.com", 443)


@dataclass(frozen=True)
class Check:
    """`trouble` is empty if all is well; `mend` says what to do."""

    name: str
    trouble: str = ""
    mend: str = ""


def database() -> Check:
    """The database answers and has the tables of this version."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        left = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Check(
            "database",
            f"The database does not answer: {error}".strip(),
            "Start it, or set BUTT_DATABASE_URL.",
        )
    except NodeNotFoundError:
        return Check("database", *TOO_OLD)
    if left:
        return Check(
            "database", f"{len(left)} migrations have not been run yet.", "Run `butt manage migrate`."
        )
    return Check("database")


def part(name: str) -> Check:
    """At least one process of this part runs, somewhere, and does its work."""
    start = f"Start it: `systemctl start butt@{name}`; `butt up` starts all parts."
    try:
        lives = name in living()
    except DatabaseError as error:
        return Check(name, f"We cannot tell whether {name} runs: {error}".strip(), "Start the database.")
    return Check(name) if lives else Check(name, f"No {name} runs, or it hangs.", start)


def salt_master() -> Check:
    """The Salt master accepts connections, if this service has one."""
    settings = configuration()
    if (settings.host, settings.salt) != ("salt", "master"):
        return Check("salt-master")
    bind = settings.salt_bind
    trouble = unreachable("127.0.0.1" if bind in {"0.0.0.0", "::"} else bind, settings.salt_port)  # nosec B104 # noqa: S104 - compared with
    if trouble:
        return Check(
            "salt-master",
            f"The Salt master does not answer: {trouble}",
            "Start it: `systemctl start butt-salt-master`.",
        )
    return Check("salt-master")


def mail() -> Check:
    """The mail server accepts connections."""
    if urlsplit(configuration().email_url).scheme == "console":
        return Check("mail")
    host, port = django_settings.EMAIL_HOST, django_settings.EMAIL_PORT
    if trouble := unreachable(host, port):
        return Check(
            "mail", f"The mail server {host}:{port} does not answer: {trouble}", "Set BUTT_EMAIL_URL."
        )
    return Check("mail")


def payments() -> Check:
    """The payment provider can be reached, so that bots can be created."""
    settings = configuration()
    try:
        if not billing().takes_money:
            return Check("payments")
    except UnknownPart as unknown:
        return Check("payments", str(unknown), "Set BUTT_BILLING.")
    if not settings.is_pretended:
        trouble = unreachable(*STRIPE)
        return Check("payments", f"Stripe does not answer: {trouble}" if trouble else "", "Try again later.")
    if unreachable("127.0.0.1", settings.stand_in_port):
        return Check(
            "payments",
            "There are no keys for Stripe, and its stand-in does not run: nobody can pay, and no bot can be made.",
            "Set BUTT_STRIPE_SECRET_KEY, BUTT_STRIPE_PUBLISHABLE_KEY and BUTT_STRIPE_WEBHOOK_SECRET, or BUTT_BILLING=free. To "
            "try without money, `butt up` starts the stand-in.",
        )
    return Check("payments")


def release() -> Check:
    """There is code for new bots."""
    try:
        newest = shelf.newest()
    except DatabaseError as error:
        return Check(
            "release", f"We cannot tell which releases exist: {error}".strip(), "Start the database."
        )
    if newest is None:
        return Check("release", "No code for bots is built yet.", "Start the steward: it builds it.")
    return Check("release")


def disk() -> Check:
    """The home folder has enough free space."""
    try:
        free = shutil.disk_usage(configuration().home).free
    except OSError as error:
        return Check("disk", f"The home folder cannot be read: {error.strerror}", "Choose another --home.")
    if free < ROOM:
        return Check(
            "disk", f"Only {free >> 20} MiB of disk are free.", f"Make room: {ROOM >> 20} MiB are needed."
        )
    return Check("disk")


def unreachable(host: str, port: int) -> str:
    """Why no connection can be made there, in words; empty if one can."""
    try:
        with socket.create_connection((host, port), PATIENCE):
            return ""
    except OSError as error:
        return (error.strerror or str(error) or "it did not answer in time").lower()


CHECKS: tuple[Callable[[], Check], ...] = (
    database,
    lambda: part("steward"),
    lambda: part("monitor"),
    salt_master,
    mail,
    payments,
    release,
    disk,
)
