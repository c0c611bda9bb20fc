"""What will be installed: the answers of the person who installs it, and the settings that follow from
them.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dotenv import dotenv_values

from butt.configuration.checks import LABEL
from butt.installing import HOME, NAME, SALT, InstallError

DOMAIN = re.compile(rf"({LABEL}\.)+{LABEL}")
PLAIN = re.compile(r"[!-~]*")
ODD = frozenset("\"'\\$`#")
"""Characters with a special meaning in a settings file, to systemd or to Docker."""

STRIPE = ("BUTT_STRIPE_SECRET_KEY", "BUTT_STRIPE_PUBLISHABLE_KEY", "BUTT_STRIPE_WEBHOOK_SECRET")
ASKED = ("BUTT_DOMAIN", "BUTT_EMAIL_URL", "BUTT_BILLING")


@dataclass(frozen=True)
class Plan:
    """`settings` are everything the settings file must say; `program` is `butt` itself, as the units start it."""

    settings: Mapping[str, str]
    program: str
    operator: str = ""
    """The email address of the first operator."""

    @property
    def domain(self) -> str:
        return self.settings["BUTT_DOMAIN"]


def missing(known: Mapping[str, str]) -> list[str]:
    """The settings that somebody must give before anything is done."""
    left = [name for name in ASKED if not known.get(name)]
    if known.get("BUTT_BILLING") == "stripe":
        left += [name for name in STRIPE if not known.get(name)]
    return left


def settings_of(kept: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """All settings, from the file and from the answers given now, which take precedence. Raises `InstallError`."""
    known = {**kept, **{name: value for name, value in given.items() if value}}
    check(known)
    before = _follow_from(kept["BUTT_DOMAIN"]) if kept.get("BUTT_DOMAIN") else {}
    settings = {}
    for name, value in _follow_from(known["BUTT_DOMAIN"]).items():
        # A value that somebody wrote into the file stays; one that followed from another domain now follows from the new one.
        own = known.get(name, "")
        settings[name] = value if own in {"", before.get(name)} else own
    return {**settings, **known, **settings}


def check(known: Mapping[str, str]) -> None:
    """Raises `InstallError` if an answer is not possible."""
    domain = known["BUTT_DOMAIN"]
    if not DOMAIN.fullmatch(domain):
        raise InstallError(
            f"{domain!r} is not a domain. Give one like example.org, in lower case and without https://."
        )
    for name, value in known.items():
        if name in {*ASKED, *STRIPE} and (not PLAIN.fullmatch(value) or ODD & set(value)):
            raise InstallError(
                f"{name} contains a character that a settings file cannot hold. In a password within a URL, write it as % and "
                "two hexadecimal digits, like %23 for #."
            )


def _follow_from(domain: str) -> dict[str, str]:
    """The settings of a service with machines of its own. The database lets the user in by its name, without a password."""
    return {
        "BUTT_HOME": HOME,
        "BUTT_DATABASE_URL": f"postgres:///{NAME}",
        "BUTT_DOMAIN": domain,
        "BUTT_URL": f"https://{domain}",
        "BUTT_PRIVATE_URL": f"https://private.{domain}",
        "BUTT_HOST": "salt",
        "BUTT_SALT": "master",
        "BUTT_SALT_MASTER": domain,
        "BUTT_SALT_PROGRAMS": f"{SALT}/bin",
        "BUTT_LOG": "json",
    }


def read(text: str) -> dict[str, str]:
    """The settings in a file, as systemd reads them."""
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def written(text: str, settings: Mapping[str, str]) -> str:
    """The file with these settings; everything else in it stays."""
    have, left, lines = read(text), dict(settings), []
    # Of several lines with the same name, the last one counts: it alone stays.
    for line in reversed(text.splitlines()):
        name = line.split("=", 1)[0].strip()
        if line.startswith("#") or name not in settings:
            lines.append(line)
        elif name in left:
            value = left.pop(name)
            # A line that says it already may have quotes that belong there.
            lines.append(line if have.get(name) == value else f"{name}={value}")
    lines.reverse()
    lines += [f"{name}={value}" for name, value in left.items()]
    return "".join(f"{line}\n" for line in lines)
