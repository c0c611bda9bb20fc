"""The settings of a pub that is run by hand, stored in the file `config.json` in its folder."""

import base64
import socket
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.errors import InvalidFormat
from scuttlekit.files import write_whole
from scuttlekit.network_keys import network_key
from scuttlekit.pub.config import Config, checked
from scuttlekit.pub.exits import Refusal

FILE: Final = "config.json"
PORT: Final = 8008


class Wrong(Exception):
    """The request cannot be carried out. The text says why, and what to do."""


def remembered(
    folder: Path,
    *,
    external: str | None,
    port: int | None,
    host: str | None,
    network: str | None,
    hops: int | None,
) -> Config:
    """Return the configuration of the pub in a folder, updated and saved. Raises Wrong, OSError."""
    kept = _read(folder)
    news = {"external": external, "port": port, "host": host, "hops": hops}
    settings = {
        "host": _everywhere(),
        "port": PORT,
        **kept,
        **{name: value for name, value in news.items() if value is not None},
    }
    if network is not None:
        settings["caps"] = {"shs": _key_of(network)}
    if not settings.get("external"):
        raise Wrong(
            "Others need a name to reach this pub by. Run: scuttlekit start --external pub.example.org"
        )
    config = _checked(folder, settings)
    if settings != kept:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / FILE, orjson.dumps(settings, option=orjson.OPT_INDENT_2))
    return config


def of(folder: Path) -> Config:
    """Return the configuration of the pub in a folder. Raises Wrong, OSError."""
    kept = _read(folder)
    if not kept:
        raise Wrong(
            f"There is no pub in {folder}. Start one with: scuttlekit start --external pub.example.org"
        )
    return _checked(folder, kept)


def as_backed_up(folder: Path) -> bytes:
    """The configuration for a backup, which makes a pub started from it catch up before it publishes."""
    return orjson.dumps({**_read(folder), "catchUp": True}, option=orjson.OPT_INDENT_2)


def _key_of(network: str) -> str:
    try:
        return base64.b64encode(network_key(network)).decode()
    except InvalidFormat:
        # The check of the configuration reports an invalid key with the name of its field.
        return network


def _everywhere() -> str:
    """The address to listen on for all addresses of this machine, including IPv6 if it has any."""
    try:
        with socket.create_server(("::", 0), family=socket.AF_INET6):
            return "::"
    except OSError:
        return "0.0.0.0"  # nosec B104 # noqa: S104 - a pub is meant to be public


def _checked(folder: Path, settings: dict[str, Any]) -> Config:
    try:
        return checked({**settings, "path": str(folder)})
    except Refusal as refusal:
        raise Wrong(refusal.message) from None


def _read(folder: Path) -> dict[str, Any]:
    try:
        kept = orjson.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Wrong(
            f"The file {folder / FILE} is not JSON. Correct or remove it, then start the pub again."
        ) from None
    if not isinstance(kept, dict):
        raise Wrong(
            f"The file {folder / FILE} is not a JSON object. Correct or remove it, then start the pub again."
        )
    return kept
