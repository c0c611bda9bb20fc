"""Every `BUTT_*` variable, with its default and purpose. `docs/settings.md` lists the same, and a test compares the two."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from butt.configuration.checks import LEAST_PRICE, CheckedSettings

Port = Annotated[int, Field(ge=1, le=65535)]


class DeclaredSettings(CheckedSettings):
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
