"""Every limit by name, with its default, its unit and what it is for. `docs/limits.md` lists the same.

An operator changes limits with `BUTT_LIMITS`, as `NAME=NUMBER`, separated by spaces.
"""

from dataclasses import dataclass
from functools import cache

from butt.configuration import configuration
from butt.trouble import Trouble


class UnknownLimit(Trouble):
    """`BUTT_LIMITS` names a limit that does not exist, or its value is not a whole number above zero."""


@dataclass(frozen=True)
class Limit:
    """`most` is in `unit`. A limit with a window counts what happened in the last `seconds`."""

    name: str
    default: int
    unit: str
    what: str
    seconds: int = 0
    setting: str = ""
    """The setting that gives the number, if there is one."""

    @property
    def most(self) -> int:
        if self.setting:
            return int(getattr(configuration(), self.setting))
        return _given(configuration().limits).get(self.name, self.default)


EARLIER_NAMES = {"errands": "jobs", "machine-errands": "machine-jobs"}
"""Earlier releases called these limits so, and settings may still do."""


@cache
def _given(text: str) -> dict[str, int]:
    """The limits set in `BUTT_LIMITS`. Raises `UnknownLimit`."""
    given = {}
    for word in text.split():
        name, _, number = word.partition("=")
        name = EARLIER_NAMES.get(name, name)
        if name not in LIMITS or LIMITS[name].setting:
            raise UnknownLimit(f"BUTT_LIMITS: there is no limit “{name}”. docs/limits.md lists them.")
        if not (number.isdigit() and int(number)):
            raise UnknownLimit(f"BUTT_LIMITS: give {name} a whole number above zero, like {name}=10.")
        given[name] = int(number)
    return given


def check_limits() -> None:
    """Raises `UnknownLimit` if `BUTT_LIMITS` is not valid."""
    _given(configuration().limits)


# Connections, on both servers.
HEAD_SECONDS = Limit(
    "head-seconds", 10, "seconds", "How long a connection may take to send the headers of a request."
)
HEAD_BYTES = Limit("head-bytes", 64 << 10, "bytes", "How long the head of a request may be.")
SILENT_CONNECTIONS = Limit(
    "silent-connections",
    2000,
    "connections",
    "How many connections may be open that have sent no whole request. One more closes the oldest of the address "
    "that has the most.",
)
CONNECTIONS = Limit(
    "connections",
    50_000,
    "connections",
    "How many connections one server holds, if it may open as many files.",
)
ADDRESS_CONNECTIONS = Limit(
    "address-connections", 5000, "connections", "How many connections one address may have to one server."
)
PIPELINED = Limit("pipelined-requests", 32, "requests", "How many requests one connection may send ahead.")
STALL_SECONDS = Limit(
    "stall-seconds", 300, "seconds", "How long a client may read nothing of what it is sent."
)

# Request bodies, except those of imports.
BODY_BYTES = Limit("body-bytes", 1 << 20, "bytes", "How big the body of a page's form or of a call may be.")
BODY_SECONDS = Limit("body-seconds", 30, "seconds", "How long such a body may take to arrive.")
BODIES = Limit(
    "bodies",
    256,
    "bodies",
    "How many of them may arrive at once. One more ends the slowest of the address that has the most.",
)

# Work for requests. A client is whoever sends the same cookie or token from the same address.
CLIENT_REQUESTS = Limit(
    "client-requests", 2, "requests", "How many pages and calls of one client are worked on at once."
)
ADDRESS_REQUESTS = Limit(
    "address-requests", 2, "requests", "How many pages and calls of one address are worked on at once."
)
ADDRESS_WORK = Limit(
    "address-work",
    3,
    "requests",
    "How many requests of all kinds of one address the public server works on at once.",
)
CLIENT_SLOW_REQUESTS = Limit(
    "client-slow-requests",
    2,
    "requests",
    "The same, for requests that check a password, send mail or wait for Stripe.",
)
ADDRESS_SLOW_REQUESTS = Limit("address-slow-requests", 2, "requests", "The same, for one address.")
CLIENT_READS = Limit(
    "client-reads", 2, "requests", "How many requests of one client may read a bot's log or data at once."
)
ADDRESS_READS = Limit("address-reads", 2, "requests", "The same, for one address.")
CLIENT_WAITING = Limit(
    "client-waiting",
    100,
    "requests",
    "How many requests of each kind of one client may wait for their turn.",
)
WAITING = Limit("waiting", 1000, "requests", "How many requests of each kind may wait for their turn in all.")

# Passwords, codes and accounts, counted for all servers together.
HASHES = Limit("hashes", 2, "passwords", "How many passwords one server hashes at once: each takes 46 MiB.")
ACCOUNT_GUESSES = Limit(
    "account-guesses", 10, "in 10 minutes", "How often a password or code of one account may be wrong.", 600
)
BROWSER_GUESSES = Limit(
    "browser-guesses",
    10,
    "in 10 minutes",
    "The same, from a browser in which its owner signed in before: others' guesses do not count there.",
    600,
)
ADDRESS_GUESSES = Limit(
    "address-guesses", 50, "in 10 minutes", "How often one address may be wrong, whatever the account.", 600
)
ADDRESS_ACCOUNTS = Limit(
    "address-accounts",
    200,
    "in 10 minutes",
    "How many accounts one address may make. A school, or a meeting where all sign up at once, shares one address.",
    600,
)

# Machines.
MACHINE_JOBS = Limit(
    "machine-jobs",
    2,
    "jobs",
    "How many jobs one machine may have at once. In each it sends a part of a bot's data.",
)
JOBS = Limit("jobs", 100, "jobs", "The same, for all machines together.")
PUSHES = Limit("pushes", 8, "machines", "How many machines carry out their orders at once.")
SLOW_PUSHES = Limit(
    "slow-pushes", 16, "machines", "How many more machines may do so if they take longer than 20 seconds."
)
MACHINE_UPLOADS = Limit("machine-uploads", 4, "bodies", "How many exports one machine may send at once.")
MACHINE_REQUESTS = Limit(
    "machine-requests", 4, "requests", "How many requests of one machine the private server works on at once."
)

# Bots.
BOT_FIGURES = Limit(
    "bot-figures",
    64 << 10,
    "bytes",
    "How many bytes of figures a bot may send in a second. Figures that come more often than once a second are left out.",
)

LOG_LINES = Limit(
    "log-lines",
    50,
    "in 10 seconds",
    "How many lines of one kind a part of the service writes into its log.",
    10,
)

# Mail that somebody makes us send to an address that may be another person's, counted for all servers
# together. Addresses that differ only after a plus sign count as one. Mail about one's own bots, payments and
# password is not counted.
PERSON_INVITATIONS = Limit(
    "person-invitations", 20, "in a day", "How many people one person may ask to share their bots.", 86_400
)
RECIPIENT_INVITATIONS = Limit(
    "recipient-invitations",
    3,
    "in a day",
    "How often one address may be asked to share a bot, by anybody.",
    86_400,
)
RECIPIENT_LETTERS = Limit(
    "recipient-letters",
    10,
    "in a day",
    "How many links to confirm an address or choose a new password are sent to one address.",
    86_400,
)
STRANGERS_LETTERS = Limit(
    "strangers-letters",
    2000,
    "in an hour",
    "How many of these mails are sent in total, so that nobody can use us to send spam.",
    3600,
)

# Invites, as everybody can open their pages.
ADDRESS_JOINS = Limit(
    "address-joins",
    1000,
    "in a minute",
    "How often one address may look at pages of invites or claim one. All guests of a meeting may share an address.",
    60,
)
ADDRESS_MISSES = Limit(
    "address-missed-joins",
    30,
    "in a minute",
    "How often one address may look for an invite that does not exist. Set by `BUTT_JOINS_PER_MINUTE`.",
    60,
    "joins_per_minute",
)

ADDRESS_SSB_SIGN_INS = Limit(
    "address-ssb-sign-ins",
    60,
    "in ten minutes",
    "How often one address may begin to sign in with Scuttlebutt, on one server.",
    600,
)

# Imports and exports.
IMPORTS = Limit(
    "imports",
    8,
    "imports",
    "How many bots may be uploaded to one server at once. Another one ends the slowest of them.",
)
PERSON_IMPORTS = Limit("person-imports", 2, "imports", "The same, for one person.")
PERSON_EXPORTS = Limit(
    "person-exports", 4, "exports", "How many exports of one person one server may send at once."
)
PERSON_PAGES = Limit(
    "person-pages", 30, "pages", "How many open pages of one person one server keeps up to date."
)
ADDRESS_PAGES = Limit("address-pages", 1000, "pages", "The same, for one address.")
PERSON_LOGS = Limit("person-logs", 10, "pages", "How many bots' logs one person may follow on one server.")

LIMITS = {found.name: found for found in list(globals().values()) if isinstance(found, Limit)}
