"""The form field in which a person chooses a bot's network."""

from django.http import QueryDict

OWN = "own"


def network_in(form: QueryDict, default: str) -> str:
    """The network that was chosen, as the rules expect it: a name, or whatever was typed as one's own key."""
    chosen = str(form.get("network", default))
    # A missing key is passed on as an invalid one.
    return str(form.get("network_key", "")).strip() or OWN if chosen == OWN else chosen
