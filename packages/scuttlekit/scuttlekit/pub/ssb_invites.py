"""The invites that ssb-server kept in a data folder: taken over when the pub starts, whenever they have changed."""

from pathlib import Path

import orjson

from scuttlekit.errors import InvalidFormat
from scuttlekit.pub.log import chatter
from scuttlekit.pub.offers import Offer, Offers


def take_over(offers: Offers, folder: Path) -> None:
    """Import invites from ssb-server's own store that are not known yet. Raises OSError.

    A store that cannot be read is skipped: its invites are void, and the pub starts.
    """
    store = folder / "invites"
    if not (store / "CURRENT").exists():
        return
    looks = " ".join(sorted(f"{file.name}:{file.stat().st_size}" for file in store.iterdir()))
    if looks == offers.store:
        return
    # Imported late, since only a folder from ssb-server needs it.
    from scuttlekit.leveldb import read

    try:
        kept = read(store)
    except (InvalidFormat, FileNotFoundError) as error:
        chatter("warning", f"The invites of ssb-server in {store} cannot be read, and are void: {error}")
        kept = {}
    for key, value in kept.items():
        if (offer := _read_ssb_invite(key, value)) is not None:
            offers.add(offer)
    offers.store = looks
    offers.count_anew()
    offers.write()


def _read_ssb_invite(key: bytes, value: bytes) -> Offer | None:
    """Read an entry of ssb-invite's store; None if it is not an invite."""
    try:
        kept = orjson.loads(value)
        return Offer(
            id=key.decode(),
            uses=int(kept["total"]),
            note=str(kept.get("note") or "") or None,
            expires=kept.get("expires"),
            used=int(kept["used"]),
            taken_over=True,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
