"""What an operator can set: every `BUTT_*` variable, with its default and purpose.

`docs/settings.md` lists the same fields, and a test compares the two. Secrets that are not set (the signing
key, the private token) are generated once and kept in the home folder.
"""

import contextlib
import functools
import ipaddress
import re
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from scuttlekit.addresses import without_brackets
from scuttlekit.files import write_whole

Port = Annotated[int, Field(ge=1, le=65535)]


IMAGE_SECONDS = 120
SALT_PORT = 4506
DATABASES = ("postgres", "postgresql", "sqlite")
HOLD_PASSWORDS = frozenset({"database_url", "email_url"})
ODD_SIGNS = (
    "it cannot be read as a URL. In a user name or password, write %2F for /, %40 for @, %23 for #, %3F for ?, %3A for : "
    "and %25 for %"
)


LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"({LABEL}\.)*{LABEL}")

MOST = 1_000_000
"""The largest number that a setting takes. A million days from now is still a date, and a million GiB is a petabyte."""

MOST_OF_A_PRICE = 99_999_999
"""What Stripe charges at most."""

LEAST_PRICE = 50
"""The smallest amount that can be charged, in the smallest unit of most currencies."""


class Configuration(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BUTT_", frozen=True, extra="ignore")

    home: Path = Field(Path(".butt"), description="The folder that holds all state.")
    port: Port = Field(8000, description="The public server's port.")
    private_port: Port = Field(8001, description="The private server's port.")
    bind: str = Field("127.0.0.1", description="The address the public server listens on.")
    private_bind: str = Field("127.0.0.1", description="The address the private server listens on.")
    domain: str = Field(
        "localhost",
        description="The domain under which bots are named: `my` becomes `my.DOMAIN`.",
    )
    site_name: str = Field("butt.nz", description="The site's name at the top of each page.")
    url: str = Field(
        "", description="The public server's address as browsers see it; empty: http and the port."
    )
    database_url: str = Field("", description="PostgreSQL or SQLite; empty: SQLite in the home folder.")
    host: str = Field(
        "processes", description="How bots run: `processes`, `salt`, or a host from another package."
    )
    cloud: str = Field(
        "here",
        description="Where machines come from: `here` (this machine), or the name of a cloud to rent from.",
    )
    snapshot_hours: int = Field(24, ge=1, description="Hours between two snapshots of a cloud volume.")
    snapshots: int = Field(3, ge=0, description="How many snapshots of a volume to keep; 0 takes none.")
    bot_memory: int = Field(400, ge=100, description="MiB of memory a bot may use on its machine.")
    cloud_ipv4: bool = Field(
        True,
        description="Whether a new machine in the cloud gets an IPv4 address, which costs extra; without one its bots are "
        "reached over IPv6 alone.",
    )
    bot_disk: int = Field(10, ge=1, description="How many GB of disk a machine has for each bot.")
    billing: str = Field(
        "stripe", description="How bots are paid for: `stripe`, or `free` for a community's own server."
    )
    price: int = Field(
        500,
        ge=LEAST_PRICE,
        description="What a bot costs a month, in the currency's smallest unit, before tax. People who already pay keep the "
        "price that they started with.",
    )
    room_price: int = Field(
        0,
        ge=0,
        description="What a room costs a month, in the same unit as `BUTT_PRICE`; 0: the same as any bot.",
    )
    currency: str = Field("usd", description="The currency of the price: a three-letter code such as `eur`.")
    tax: str = Field(
        "none",
        description="The tax added to the price: `none`, `stripe` (Stripe Tax calculates it), or a rate such as `15%`.",
    )
    sepa: bool = Field(
        False, description="Whether people may pay by SEPA direct debit as well; for `eur` only."
    )
    euro: float = Field(
        0,
        ge=0,
        description="The price of one euro in the currency of `BUTT_PRICE`, to compare what machines cost with what bots pay; "
        "0: 1 for `eur`, 1.15 for `usd`, and no comparison for others.",
    )
    terms: str = Field(
        "", description="The address of your terms; people agree to them when they make their first bot."
    )
    privacy: str = Field("", description="The address of your page about privacy.")
    imprint: str = Field("", description="The address of your imprint: who runs this, and from where.")
    contact: str = Field("", description="The email address that people can write to.")
    free_bots: int = Field(0, ge=0, description="How many bots each person has for free.")
    grace_days: int = Field(7, ge=0, description="How many days bots keep running after a payment fails.")
    unpaid_keep_days: int = Field(
        30, ge=1, description="How many days a bot is kept after it was stopped because a payment is due."
    )
    stripe_secret_key: SecretStr = Field(
        SecretStr(""), description="Stripe's secret key; empty: a local stand-in, with which no money moves."
    )
    stripe_publishable_key: str = Field("", description="Stripe's publishable key, which goes to browsers.")
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="The signing secret of Stripe's webhook endpoint `/stripe/webhook`."
    )
    pub_address: str = Field(
        "",
        description="The host that clients dial to reach a bot, a name with a dot in it or an IP address; empty: `NAME.DOMAIN`, "
        "and 127.0.0.1 for localhost.",
    )
    pub_bind: str = Field(
        "", description="The address bots listen on; empty: `::` (all), and 127.0.0.1 for localhost."
    )
    pub_ports: str = Field(
        "8100-8999", description="The ports given to bots on this machine, first and last."
    )
    bots_per_person: int = Field(20, ge=1, description="How many bots one person may have.")
    bot_disk_gib: float = Field(
        0, ge=0, description="How much of the disk one bot may take, in GiB; 0: as much as there is."
    )
    bot_blobs_gib: float = Field(
        0,
        ge=0,
        description="How much of the disk the blobs of one bot may take, in GiB; 0: as much as it may take.",
    )
    bot_blob_mib: float = Field(
        0,
        ge=0,
        le=5,
        description="The largest blob that a bot fetches for others, in MiB; 0: 5, as for all of Scuttlebutt.",
    )
    bot_far_blob_days: int = Field(
        0,
        ge=0,
        description="How many days a bot keeps blobs that neither it nor anybody it follows links to; 0 keeps them for ever.",
    )
    bot_traffic_gib: float = Field(
        0,
        ge=0,
        description="How much may go over the network of one bot in a month, in and out, in GiB; 0: as much as there is.",
    )
    invites_per_bot: int = Field(100, ge=1, description="How many open invites one bot may have.")
    joins_per_minute: int = Field(
        30, ge=1, description="How many times a minute one address may look up an invite that does not exist."
    )
    import_gib: float = Field(20, gt=0, description="The largest pub that may be imported, in GiB.")
    limits: str = Field(
        "",
        description="Limits that differ from their defaults: `NAME=NUMBER`, separated by spaces.",
    )
    keep_days: int = Field(7, ge=0, description="How many days a deleted bot can be restored.")
    start_seconds: int = Field(
        60,
        ge=5,
        description="How long a bot may take to come alive before it counts as broken; two minutes more on a machine.",
    )
    trial_seconds: int = Field(
        60,
        ge=0,
        description="How long a bot on new code is watched, and goes back automatically if the code fails.",
    )
    pub_source: str = Field(
        "",
        description="The pub's source: a folder, or `git+URL@REVISION#SUBFOLDER`; empty: the one that comes with the service.",
    )
    releases_kept: int = Field(
        3, ge=1, description="How many releases to keep besides those that bots run or may go back to."
    )
    token_days: int = Field(30, ge=1, description="How many days an API access token is valid.")
    private_url: str = Field(
        "", description="The private server's address as machines see it; empty: http and the port."
    )
    private_token: SecretStr = Field(
        SecretStr(""),
        description="The Salt master's bearer token, or several separated by spaces; empty: generated and kept in the home folder.",
    )
    salt: Literal["local", "master"] = Field(
        "local",
        description="Whether Salt runs bots on this machine only, or a master runs them on the machines that joined it.",
    )
    salt_master: str = Field(
        "",
        description="The Salt master's address as machines see it, with `:PORT` if its port is not 4506; "
        "machines in the cloud need it.",
    )
    salt_bind: str = Field("0.0.0.0", description="The address the Salt master listens on.")  # nosec B104 # noqa: S104 - machines call it
    salt_config: str = Field(
        "",
        description="The folder with the Salt master's configuration; empty: where `butt salt-master` writes it.",
    )
    salt_programs: str = Field(
        "", description="The folder with Salt's programs; empty: where `make salt` puts them."
    )
    salt_keys: str = Field(
        "", description="The Salt master's folder of keys; empty: `salt/pki/master` in the home folder."
    )
    node_image: str = Field(
        "node:24-slim", description="The image with Node on which machines build a pub for Node."
    )
    python_image: str = Field(
        "",
        description="The image with Python on which machines build a pub for Python; empty: `python:3.11-slim`, with the "
        "version of the Python that runs the service.",
    )
    pub_image: str = Field(
        "", description="The pub's image by digest, pulled from a registry; empty: built on each machine."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="The key that signs sessions and links; empty: generated and kept in the home folder.",
    )
    email_url: str = Field(
        "console:",
        description="Where mail goes: `console:`, `smtp://user:password@host:587`, which requires TLS before it sends a "
        "password, or `smtps://user:password@host:465`.",
    )
    down_seconds: int = Field(
        300, ge=10, description="How long a bot is down before its owner gets an email."
    )
    log: Literal["plain", "json"] = Field(
        "plain",
        description="How lines of the log are written: `plain`, or `json` with an object on each line.",
    )
    sentry_dsn: SecretStr = Field(
        SecretStr(""),
        description="Where errors are reported: the DSN of Sentry, or of a server that speaks its protocol. It needs "
        "`pip install 'butt[sentry]'`; empty: nowhere.",
    )
    vault: str = Field(
        "",
        description="Where bots' data is sent as it grows: `file:///FOLDER` or `s3://BUCKET/PREFIX`; empty: nowhere.",
    )
    vault_key: str = Field("", description="The public age key (`age1…`) that the vault is sealed for.")
    vault_secret_key: str = Field(
        "", description="The public age key that bots' secrets are sealed for; empty: `BUTT_VAULT_KEY`."
    )
    vault_gib: float = Field(
        20.0, gt=0, description="How many GiB one bot may have in the vault. Nothing is sent beyond that."
    )
    vault_keep_days: float = Field(
        0.0,
        ge=0,
        description="How many days after the days of grace the vault keeps the copy of a deleted bot.",
    )
    vault_price: float = Field(
        0.0,
        ge=0,
        description="What a GiB in the vault costs a month, in the currency of `BUTT_CURRENCY`, for the console.",
    )
    vault_opens: str = Field(
        "",
        description="The file with the secret age keys that open the vault, for bots to come back by a click and for the nightly "
        "check; empty: they are kept elsewhere, and `butt vault` is given them.",
    )
    vault_return: Literal["ask", "itself"] = Field(
        "ask",
        description="How a bot that lost its data is brought back: `ask` waits for its owner or an operator, `itself` does not wait.",
    )
    copies_anywhere: bool = Field(
        False,
        description="Whether people's own copies may go to private addresses, and over plain HTTP. Never where strangers have "
        "bots: they could reach your network.",
    )
    backup_to: str = Field(
        "",
        description="Where `butt backup` keeps backups when it is given no file: `file:///FOLDER` or `s3://BUCKET/PREFIX`.",
    )
    backup_key: str = Field(
        "", description="The public age key (`age1…`) that backups in object storage are encrypted for."
    )
    backup_keep: int = Field(14, ge=1, description="How many backups are kept in object storage.")
    debug: bool = Field(False, description="Django's debug pages. Never in production.")

    @field_validator("*")
    @classmethod
    def _is_possible(cls, given: Any, about: ValidationInfo) -> Any:
        most = MOST_OF_A_PRICE if str(about.field_name).endswith("price") else MOST
        if isinstance(given, int | float) and given > most:
            raise ValueError(f"give at most {most}")
        if isinstance(given, str) and re.search(r"[\x00-\x1f\x7f]", given):
            raise ValueError("give it in one line, without control characters")
        return given

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("pub_ports")
    @classmethod
    def _a_range(cls, ports: str) -> str:
        first, _, last = ports.partition("-")
        if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) <= 65535):  # noqa: PLR2004
            raise ValueError("give the first and the last port, like 8100-8999")
        return ports

    @field_validator("email_url")
    @classmethod
    def _a_way_for_mail(cls, url: str) -> str:
        if url.partition(":")[0] not in {"console", "smtp", "smtps"}:
            raise ValueError("give console:, smtp://user:password@host:587 or smtps://user:password@host:465")
        if not url.startswith("console:") and not _split(url).hostname:
            raise ValueError("it names no host: give smtp://user:password@host:587")
        return url

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        if url and url.partition(":")[0] not in DATABASES:
            raise ValueError(
                "give postgres://user:password@host/name, or sqlite:////path/to/file; empty: SQLite in the home folder"
            )
        if url.startswith("sqlite:") and not _split(url).path.strip("/"):
            raise ValueError("it names no file: give sqlite:////path/to/file")
        if url.startswith(("postgres:", "postgresql:")) and not _split(url).path.strip("/"):
            raise ValueError("it names no database: give postgres://user:password@host/name")
        return url

    @field_validator("domain")
    @classmethod
    def _is_a_domain(cls, given: str) -> str:
        name = given.lower()
        if not DOMAIN.fullmatch(name):
            raise ValueError(
                "it is no domain: give one like example.org, without https:// and without a port"
            )
        return name

    @field_validator("bind", "private_bind", "pub_bind", "salt_bind")
    @classmethod
    def _can_be_listened_on(cls, given: str, about: ValidationInfo) -> str:
        try:
            if given or about.field_name != "pub_bind":
                ipaddress.ip_address(given)
        except ValueError:
            raise ValueError("it is no IP address: give one like 127.0.0.1, or :: for all") from None
        return given

    @field_validator("salt_master")
    @classmethod
    def _is_a_master(cls, given: str) -> str:
        _, colon, port = given.partition(":") if given.count(":") == 1 else ("", "", "")
        if " " in given or (colon and not (port.isdecimal() and 0 < int(port) <= 65535)):  # noqa: PLR2004
            raise ValueError(
                "give the master's name or address, like salt.example.org or salt.example.org:4506"
            )
        return given

    @field_validator("url", "private_url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        if url and not (url.startswith(("http://", "https://")) and _split(url).hostname):
            raise ValueError("give an address like https://example.org")
        return url

    @property
    def base_images(self) -> dict[str, str]:
        """The base images to build the pub's image on, by the names that its Dockerfile uses for them."""
        python = self.python_image or f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
        return {"NODE_IMAGE": self.node_image, "PYTHON_IMAGE": python}

    @property
    def is_local(self) -> bool:
        return self.domain == "localhost"

    @property
    def public_url(self) -> str:
        return self.url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, given: str) -> str:
        if not (len(given) == 3 and given.isascii() and given.isalpha()):  # noqa: PLR2004
            raise ValueError(f"{given!r} is not a currency: give its three-letter code, like eur")
        return given.lower()

    @field_validator("room_price")
    @classmethod
    def _can_be_charged(cls, given: int) -> int:
        if 0 < given < LEAST_PRICE:
            raise ValueError(f"give 0, or at least {LEAST_PRICE}: less cannot be charged")
        return given

    @field_validator("tax")
    @classmethod
    def _is_a_tax(cls, given: str) -> str:
        rate, most = given.removesuffix("%").replace(".", "", 1), 100
        if given in {"none", "stripe"} or (
            given.endswith("%") and rate.isdecimal() and float(given[:-1]) <= most
        ):
            return given
        raise ValueError(f"{given!r} is not a tax: give none, stripe, or a rate like 15%")

    @field_validator("terms", "privacy", "imprint")
    @classmethod
    def _is_a_page(cls, given: str) -> str:
        if given and not given.startswith(("https://", "http://", "/")):
            raise ValueError(
                f"{given!r} is not the address of a page: give all of it, like https://butt.nz/terms"
            )
        return given

    @field_validator("contact")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        if given and not re.fullmatch(r"[^@\s]+@[^@\s]+", given):
            raise ValueError(f"{given!r} is not an email address")
        return given

    @property
    def rooms_cost_their_own(self) -> bool:
        """Whether the price of a room differs from that of other bots."""
        return self.room_price not in {0, self.price}

    def price_of(self, service: str) -> int:
        """The monthly price of a bot of this service, in the currency's smallest unit."""
        return self.room_price if service == "room" and self.room_price else self.price

    @property
    def euro_in_currency(self) -> float | None:
        """The value of a euro in the currency of the price; None if it is not known."""
        return self.euro or {"eur": 1.0, "usd": 1.15}.get(self.currency)

    @property
    def is_pretended(self) -> bool:
        """Whether payments go to the local stand-in."""
        return self.billing == "stripe" and not self.stripe_secret_key.get_secret_value()

    @property
    def stand_in_port(self) -> int:
        return self.private_port + 1

    @property
    def stand_in_url(self) -> str:
        return f"http://127.0.0.1:{self.stand_in_port}"

    @property
    def database(self) -> str:
        # A path may contain characters that have a meaning in a URL.
        return self.database_url or f"sqlite:///{quote(str(self.home / 'butt.sqlite3'))}"

    @property
    def bot_bind(self) -> str:
        return self.pub_bind or ("127.0.0.1" if self.is_local else "::")

    @property
    def bot_ports(self) -> range:
        first, _, last = self.pub_ports.partition("-")
        return range(int(first), int(last) + 1)

    def bot_host(self, name: str) -> str:
        """The host name in the address of the bot with this name."""
        given = without_brackets(self.pub_address)
        return given or ("127.0.0.1" if self.is_local else f"{name}.{self.domain}")

    @property
    def private_server(self) -> str:
        """The private server's address as machines reach it."""
        return self.private_url.rstrip("/") or f"http://127.0.0.1:{self.private_port}"

    @property
    def salt_pki(self) -> Path:
        """The Salt master's own folder of keys."""
        return Path(self.salt_keys) if self.salt_keys else self.home / "salt" / "pki" / "master"

    @property
    def salt_master_config(self) -> Path:
        """The folder with the Salt master's configuration."""
        return Path(self.salt_config) if self.salt_config else self.home / "salt" / "config"

    @property
    def salt_port(self) -> int:
        """The port on which the Salt master receives what machines return; it publishes jobs on the port below."""
        _, _, port = self.salt_master.rpartition(":")
        return int(port) if self.salt_master.count(":") == 1 and port.isdigit() else SALT_PORT

    def make_secrets(self) -> None:
        """Create the secrets that are neither set nor there yet, so that no part waits for another to create them."""
        self.signing_key()
        self.master_tokens()
        self.webhook_secret()

    def signing_key(self) -> str:
        return self.secret_key.get_secret_value() or kept_secret(self.home / "secret-key")

    @property
    def start_patience(self) -> int:
        """Seconds within which a bot must be alive. On a machine, its image may have to be built first."""
        return self.start_seconds + (IMAGE_SECONDS if self.host == "salt" else 0)

    def webhook_secret(self) -> str:
        given = self.stripe_webhook_secret.get_secret_value()
        return given if given or not self.is_pretended else kept_secret(self.home / "webhook-secret")

    def master_token(self) -> str:
        """The token that the Salt master should use: the first one."""
        return self.master_tokens()[0]

    def master_tokens(self) -> list[str]:
        """All tokens that the private server accepts: both the old and the new one while one replaces the other."""
        given = self.private_token.get_secret_value() or kept_secret(self.home / "private-token")
        if tokens := given.split():
            return tokens
        raise ValueError(
            f"there is no token in {self.home / 'private-token'}: remove it, or write one into it"
        )


def may_be_secret(field: str) -> bool:
    """Whether the value of a setting may contain a password, a key or a token."""
    found = Configuration.model_fields.get(field)
    return field in HOLD_PASSWORDS or (found is not None and found.annotation is SecretStr)


def _split(url: str) -> SplitResult:
    """The parts of a URL. Raises `ValueError` with an explanation if a password contains characters that end
    a part of a URL.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - asked for, as only then it is looked at
    except ValueError:
        raise ValueError(ODD_SIGNS) from None
    if parts.fragment or "@" in f"{parts.path}{parts.query}":
        raise ValueError(ODD_SIGNS)
    return parts


def kept_secret(path: Path) -> str:
    """The secret kept at `path`, created there, readable only by its owner, if there is none.

    Two callers at the same time get the same secret: the first one wins.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            write_whole(path, secrets.token_urlsafe(48), lasting=True, first=True)
        return path.read_text()


@functools.cache
def configuration() -> Configuration:
    return Configuration()
