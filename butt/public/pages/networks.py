"""The field of a form in which a person chooses a bot's network."""

from django.http import QueryDict

OWN = "own"


def network_in(form: QueryDict, default: str) -> str:
    """The network that was chosen, as it is told to the rules: a name, or whatever was typed as a key of one's own."""
    chosen = str(form.get("network", default))
    # A key that was left out is told as one that is wrong.
    return str(form.get("network_key", "")).strip() or OWN if chosen == OWN else chosen
