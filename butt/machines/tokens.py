"""A machine's bearer tokens: handed out once, kept as digests."""

import hashlib
import secrets
from datetime import datetime

from django.utils import timezone

from butt.machines.models import Machine, MachineToken

_BYTES = 32


def issue(machine: Machine, token: str = "") -> str:
    """Give the machine another token (a new one, unless one is given). Issuing the same one twice changes nothing."""
    token = token or secrets.token_urlsafe(_BYTES)
    MachineToken.objects.get_or_create(digest=digest(token), defaults={"machine": machine})
    return token


def retire(machine: Machine, *, keep: str, at: datetime) -> None:
    """End all its tokens except `keep` at `at`: until then the old ones and the new one work."""
    machine.tokens.exclude(digest=digest(keep)).update(until=at)


def bearer_of(token: str) -> Machine | None:
    """The machine that this token belongs to, if it still works."""
    found = MachineToken.objects.filter(digest=digest(token)).select_related("machine").first()
    if found is None or (found.until is not None and found.until <= timezone.now()):
        return None
    return found.machine


def digest(token: str) -> str:
    """SHA-256: a token has enough entropy, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
