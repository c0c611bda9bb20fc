"""A person's own place, as a store: their input is checked, and the place is reached through the fence."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from butt.agents.actions import Refused
from butt.agents.words import can_be_seen
from butt.configuration import configuration
from butt.copies.fence import fence
from butt.copies.models import OwnCopy, PlaceKind
from butt.exports.age import BadRecipient, Recipient

if TYPE_CHECKING:
    from obstore.store import HTTPStore, S3Store

PlaceStore: TypeAlias = "S3Store | HTTPStore"
CONNECT, ANSWER, TRIES = timedelta(seconds=10), timedelta(seconds=300), timedelta(seconds=30)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,60}", re.ASCII)
USUAL_REGION = "us-east-1"
LONGEST = {"url": 500, "user": 200, "secret": 500, "key": 100}


def check(given: OwnCopy) -> None:
    """Raises `Refused` `bad_place`, or `bad_recipient` for the key."""
    for name, most in LONGEST.items():
        text = getattr(given, name)
        if len(text) > most or not can_be_seen(text):
            raise Refused(
                "bad_place", f"This can have at most {most} characters, and no invisible ones.", name
            )
    if given.kind not in PlaceKind:
        raise Refused("bad_place", f"A place is one of: {', '.join(PlaceKind)}.", "kind")
    _check_url(given.url)
    if given.kind == PlaceKind.S3 and not _BUCKET.fullmatch(given.bucket):
        raise Refused("bad_place", "Give the name of the bucket.", "bucket")
    if given.kind == PlaceKind.S3 and not (given.user and given.secret):
        raise Refused("bad_place", "Give the bucket's access key and its secret.", "secret")
    if given.region and not _REGION.fullmatch(given.region):
        raise Refused("bad_place", "Give the region as the storage names it, like eu-central-1.", "region")
    if not given.key.startswith("age1"):
        raise Refused("bad_recipient", "Give an age key, which begins with age1.", "key")
    try:
        Recipient.parse(given.key)
    except BadRecipient as bad:
        raise Refused("bad_recipient", str(bad), "key") from None


def _check_url(url: str) -> None:
    schemes = ("https", "http") if configuration().copies_anywhere else ("https",)
    try:
        parts = urlsplit(url)
        is_well = parts.scheme in schemes and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        is_well = False
    else:
        is_well = is_well and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not is_well:
        raise Refused("bad_place", "Give an address like https://storage.example.org.", "url")


@contextmanager
def opened(place: OwnCopy) -> Iterator[PlaceStore]:
    """The store, for the length of a block. Nothing private can be reached, unless the operators let copies go anywhere."""
    if configuration().copies_anywhere:
        yield _store(place, {"allow_http": True})
        return
    with fence() as proxy:
        yield _store(place, {"proxy_url": proxy})


def _store(place: OwnCopy, reached: dict[str, Any]) -> PlaceStore:
    # The public server checks places and never opens one, so it does not load this.
    from obstore.store import HTTPStore, S3Store

    client: Any = {"connect_timeout": CONNECT, "timeout": ANSWER, **reached}
    retry: Any = {"retry_timeout": TRIES, "max_retries": 3}
    if place.kind == PlaceKind.S3:
        return S3Store(
            place.bucket,
            endpoint=place.url,
            region=place.region or USUAL_REGION,
            access_key_id=place.user,
            secret_access_key=place.secret,
            client_options=client,
            retry_config=retry,
        )
    if place.user or place.secret:
        login = base64.b64encode(f"{place.user}:{place.secret}".encode()).decode()
        client["default_headers"] = {"Authorization": f"Basic {login}"}
    return HTTPStore.from_url(place.url, client_options=client, retry_config=retry)
