"""What an operator can set: every `BUTT_*` variable, with its default and purpose.

`fields.py` declares them, `checks.py` says what each may be, and this module what follows from them. Secrets that are not
set (the signing key, the private token) are generated once and kept in the home folder.
"""

import contextlib
import functools
import secrets
import sys
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

from butt.configuration.fields import DeclaredSettings
from scuttlekit.addresses import without_brackets
from scuttlekit.files import write_whole

IMAGE_SECONDS = 120
SALT_PORT = 4506
HOLD_PASSWORDS = frozenset({"database_url", "email_url"})


class Configuration(DeclaredSettings):
    """The settings, and what follows from them."""

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
