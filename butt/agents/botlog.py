"""A bot's own log as its owner may see it: readable lines, without secrets or other people's data."""

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ADDRESS, SECRET, INVITE = "[address]", "[secret]", "[invite]"
LONGEST, LONGEST_READ = 1000, 4000
SHORT_ID = 8

_IPV6 = r"(?: [0-9A-Fa-f]{0,4}: ){2,8} (?: \d{1,3} (?: \.\d{1,3} ){3} | [0-9A-Fa-f]{0,4} )"
_KEY = r"[A-Za-z0-9+/_-]{42,43}(?:=|%3D)?"
_INVITE = re.compile(rf"ed25519~{_KEY}|~shs:{_KEY}:{_KEY}")
_PARTS = re.compile(
    rf"""(?x)
      (?P<before> (?i: [\w-]{{0,20}} (?:secret|password|passphrase|token|authorization|credential|private|api[-_]?key|cookie)
          [\w-]{{0,20}} ["']? \s{{0,9}} [:=] \s{{0,9}} (?:bearer\s|basic\s)? ) ) (?P<named> "[^"]*" | '[^']*' | [^\s"',}}]+ )
    | (?P<scheme> \b(?:net|onion|wss?|https?|tcp): (?://)? ) (?P<host> \[[^\]\s]*\] | {_IPV6} | [^\s:/~;,'")\]]+ )
    | (?P<dialled> (?<![\w.-]) [\w.-]{{1,253}} ) (?= :\d{{1,5}}:@ )
    | (?P<sigil> ~shs: | [@%&] | (?:message|feed|blob)/[\w-]+/ ) (?P<key> {_KEY} ) (?P<kind> \.[\w-]+ )?
    | (?P<path> (?<![\w+=/]) / (?: [\w.@-]{{1,40}} / )+ [\w.@-]{{0,40}} (?![\w+=/]) )
    | (?P<long> [A-Za-z0-9+/_-]{{43,}}={{0,2}} | [A-Za-z0-9+/_-]{{20,}}={{1,2}} (?![\w=]) )
    | (?P<email> [\w.+-]{{1,64}} @ [\w-]+ (?: \.[\w-]+ )+ )
    | (?P<ipv6> (?<![\w:.]) {_IPV6} )
    | (?P<ipv4> (?<![\d.]) \d{{1,3}} (?: \.\d{{1,3}} ){{3}} (?! \d | \.\d ) )
    """
)
_GROUPS = 7


@dataclass(frozen=True)
class LogLine:
    """`level` is the pub's: info, warning or error. It is empty, and `at` None, if something else wrote the line."""

    at: datetime | None
    level: str
    text: str


def whole_lines(text: str, size: int) -> list[str]:
    """The complete lines in the last `size` bytes of a log; a line cut off at either end is left out."""
    lines = text.split("\n")
    is_cut = len(text.encode()) >= size
    return [line for line in lines[is_cut:-1] if line.strip()]


def entry(line: str) -> dict[str, Any] | None:
    """The JSON object on this line, or None if it is not one."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def time_of(text: Any) -> datetime | None:
    """The time given in a log entry, or None if it is missing or has no time zone."""
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else None


def shown(lines: Iterable[str], own: Iterable[str] = ()) -> list[LogLine]:
    """The lines as a person reads them. `own` holds the bot's id and host, which are not hidden."""
    mine = [name for name in own if name]
    return [_shown(line, mine) for line in lines]


def _shown(line: str, own: list[str]) -> LogLine:
    said = entry(line)
    if said is None:
        return LogLine(None, "", careful(line, own))
    level = said.get("level")
    known = level if isinstance(level, str) and level in {"info", "warning", "error"} else ""
    return LogLine(time_of(said.get("time")), known, careful(str(said.get("message", "")), own))


def careful(text: str, own: Iterable[str] = ()) -> str:
    """The text without secrets, invites and people's addresses, with other ids shortened, and cut if it is long."""
    if len(text) > LONGEST_READ:
        # Do not cut within a word: half a secret would not be recognised as one.
        text = text[:LONGEST_READ].rpartition(" ")[0] + " …"
    mine = list(own)
    text = re.sub(r"\S+", lambda word: INVITE if _INVITE.search(word[0]) else word[0], text)
    text = _PARTS.sub(lambda found: _careful(found, mine), text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _careful(found: re.Match[str], own: list[str]) -> str:
    if found["named"]:
        return f"{found['before']}{SECRET}"
    if found["host"]:
        return f"{found['scheme']}{_address(found['host'], own)}"
    if found["key"]:
        is_own = any(found["key"] in name for name in own)
        return found[0] if is_own else f"{found['sigil']}{found['key'][:SHORT_ID]}…"
    if found["long"]:
        return SECRET
    return found[0] if found["path"] else _address(found[0], own)


def _address(host: str, own: list[str]) -> str:
    """The host if it is the bot's own, this machine's, unspecified or a time; otherwise a placeholder."""
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # Times contain colons too, but neither two in a row nor as many.
        is_time = set(host) <= set("0123456789:") and "::" not in host and host.count(":") < _GROUPS
        return host if host in own or host == "localhost" or is_time else ADDRESS
    return host if host in own or ip.is_loopback or ip.is_unspecified else ADDRESS
