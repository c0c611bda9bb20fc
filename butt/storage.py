"""Object storage for backups and copies off this machine: a folder (`file:///…`) or a bucket
(`s3://bucket/prefix`).

A bucket's endpoint, region and keys come from the variables that every S3 client reads: `AWS_ENDPOINT`,
`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`.
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from butt.trouble import Trouble

Store = LocalStore | S3Store

TROUBLE = (BaseError, OSError, ValueError)
"""What any call to a store may raise."""

SCHEMES = frozenset({"file", "s3"})
CONNECT, ANSWER, TRIES = timedelta(seconds=10), timedelta(seconds=300), timedelta(seconds=60)
"""The longest time to connect, to finish one call, and to go on retrying a call that fails."""


class NoStore(Trouble):
    """The address of a store is not valid; the text says what to write."""


def store_at(place: str) -> Store:
    """The store at this address. It is not contacted yet. Raises `NoStore`."""
    parts = urlsplit(place)
    if parts.scheme not in SCHEMES or (
        parts.scheme == "file" and (parts.netloc or not parts.path.strip("/"))
    ):
        raise NoStore(f"“{place}” is not a place for copies: write file:///FOLDER or s3://BUCKET/PREFIX.")
    if parts.scheme == "file":
        return LocalStore(Path(parts.path), mkdir=True)
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise NoStore(
            f"“{place}” names no bucket: write s3://BUCKET/PREFIX, and keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options={
            "connect_timeout": CONNECT,
            "timeout": ANSWER,
            "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
        },
        retry_config={"retry_timeout": TRIES},
    )
