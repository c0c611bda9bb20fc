"""What a setting may be: a value that is wrong is refused when a part starts, with what to give instead."""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings

DATABASES = ("postgres", "postgresql", "sqlite")
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


class CheckedSettings(BaseSettings):
    """The checks of the settings that `fields.py` declares."""

    @field_validator("*")
    @classmethod
    def _is_possible(cls, given: Any, about: ValidationInfo) -> Any:
        most = MOST_OF_A_PRICE if str(about.field_name).endswith("price") else MOST
        if isinstance(given, int | float) and given > most:
            raise ValueError(f"give at most {most}")
        if isinstance(given, str) and re.search(r"[\x00-\x1f\x7f]", given):
            raise ValueError("give it in one line, without control characters")
        return given

    @field_validator("home", check_fields=False)
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("pub_ports", check_fields=False)
    @classmethod
    def _a_range(cls, ports: str) -> str:
        first, _, last = ports.partition("-")
        if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) <= 65535):  # noqa: PLR2004
            raise ValueError("give the first and the last port, like 8100-8999")
        return ports

    @field_validator("email_url", check_fields=False)
    @classmethod
    def _a_way_for_mail(cls, url: str) -> str:
        if url.partition(":")[0] not in {"console", "smtp", "smtps"}:
            raise ValueError("give console:, smtp://user:password@host:587 or smtps://user:password@host:465")
        if not url.startswith("console:") and not _split(url).hostname:
            raise ValueError("it names no host: give smtp://user:password@host:587")
        return url

    @field_validator("database_url", check_fields=False)
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

    @field_validator("domain", check_fields=False)
    @classmethod
    def _is_a_domain(cls, given: str) -> str:
        name = given.lower()
        if not DOMAIN.fullmatch(name):
            raise ValueError(
                "it is no domain: give one like example.org, without https:// and without a port"
            )
        return name

    @field_validator("bind", "private_bind", "pub_bind", "salt_bind", check_fields=False)
    @classmethod
    def _can_be_listened_on(cls, given: str, about: ValidationInfo) -> str:
        try:
            if given or about.field_name != "pub_bind":
                ipaddress.ip_address(given)
        except ValueError:
            raise ValueError("it is no IP address: give one like 127.0.0.1, or :: for all") from None
        return given

    @field_validator("salt_master", check_fields=False)
    @classmethod
    def _is_a_master(cls, given: str) -> str:
        _, colon, port = given.partition(":") if given.count(":") == 1 else ("", "", "")
        if " " in given or (colon and not (port.isdecimal() and 0 < int(port) <= 65535)):  # noqa: PLR2004
            raise ValueError(
                "give the master's name or address, like salt.example.org or salt.example.org:4506"
            )
        return given

    @field_validator("url", "private_url", check_fields=False)
    @classmethod
    def _an_address(cls, url: str) -> str:
        if url and not (url.startswith(("http://", "https://")) and _split(url).hostname):
            raise ValueError("give an address like https://example.org")
        return url

    @field_validator("currency", check_fields=False)
    @classmethod
    def _is_a_currency(cls, given: str) -> str:
        if not (len(given) == 3 and given.isascii() and given.isalpha()):  # noqa: PLR2004
            raise ValueError(f"{given!r} is not a currency: give its three-letter code, like eur")
        return given.lower()

    @field_validator("room_price", check_fields=False)
    @classmethod
    def _can_be_charged(cls, given: int) -> int:
        if 0 < given < LEAST_PRICE:
            raise ValueError(f"give 0, or at least {LEAST_PRICE}: less cannot be charged")
        return given

    @field_validator("tax", check_fields=False)
    @classmethod
    def _is_a_tax(cls, given: str) -> str:
        rate, most = given.removesuffix("%").replace(".", "", 1), 100
        if given in {"none", "stripe"} or (
            given.endswith("%") and rate.isdecimal() and float(given[:-1]) <= most
        ):
            return given
        raise ValueError(f"{given!r} is not a tax: give none, stripe, or a rate like 15%")

    @field_validator("terms", "privacy", "imprint", check_fields=False)
    @classmethod
    def _is_a_page(cls, given: str) -> str:
        if given and not given.startswith(("https://", "http://", "/")):
            raise ValueError(
                f"{given!r} is not the address of a page: give all of it, like https://butt.nz/terms"
            )
        return given

    @field_validator("contact", check_fields=False)
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        if given and not re.fullmatch(r"[^@\s]+@[^@\s]+", given):
            raise ValueError(f"{given!r} is not an email address")
        return given


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
