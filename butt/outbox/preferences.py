"""Who wants to be told about what, and how."""

import secrets
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.agents.prepared import PreparedModels
from butt.outbox.models import Preferences
from scuttlekit.pub.fence import is_fenced

LONGEST_URL = 300

_kept = PreparedModels(lambda person: Preferences.objects.filter(person=person), uuid.UUID(int=1))


def of(person: Agent) -> Preferences:
    """What the person chose, or the defaults. The row may not be saved."""
    return _kept.first(person.id) or Preferences(person=person)


def of_each(people: Iterable[uuid.UUID]) -> dict[uuid.UUID, Preferences]:
    """The same for several people at once, in one query."""
    chosen = {person: Preferences(person_id=person) for person in people}
    return chosen | Preferences.objects.in_bulk(chosen)


def set_mail(person: Agent, *, wanted: bool) -> None:
    """Switch emails about how their bots are doing on or off. Emails about payments are always sent."""
    Preferences.objects.update_or_create(person=person, defaults={"mail": wanted})


def set_webhook(person: Agent, url: str) -> str:
    """Call `url` from now on when a bot of theirs goes down or comes back; an empty one ends that.

    Returns the secret that signs the calls. Raises `Refused` `bad_webhook`.
    """
    url = url.strip()
    if url:
        check(url)
    secret = secrets.token_urlsafe(32) if url else ""
    Preferences.objects.update_or_create(person=person, defaults={"webhook": url, "webhook_secret": secret})
    return secret


def check(url: str) -> None:
    """Refuse what cannot be a webhook. Where its name leads to is checked at each call."""
    if len(url) > LONGEST_URL or not url.isascii() or any(sign <= " " for sign in url):
        raise _bad(f"A webhook address can have at most {LONGEST_URL} characters, and no spaces.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _bad("This is not a web address. Enter one like https://example.org/butt.") from None
    if parts.scheme != "https" or not host:
        raise _bad("A webhook address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise _bad("Remove the user name and password from the address. Check our signature instead.")
    if host == "localhost" or is_fenced(host, default=False):
        raise _bad("This address is not on the public internet. Enter a public one.")


def _bad(message: str) -> Refused:
    return Refused("bad_webhook", message, "url")
