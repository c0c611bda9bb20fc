"""Scaleway's states and errors in our words."""

from typing import Any

import requests

from butt.clouds.interface import CloudTrouble, Condition, Denied, OutOfStock, OverQuota, Unsure

SERVER = {
    "running": Condition.RUNNING,
    "stopped": Condition.STOPPED,
    "stopped in place": Condition.HALTED,
    "stopped_in_place": Condition.HALTED,  # as the SDK spells it
    "locked": Condition.BROKEN,
}
STORAGE = {
    "available": Condition.READY,
    "in_use": Condition.READY,
    "error": Condition.BROKEN,
    "locked": Condition.BROKEN,
}
"""States of volumes and snapshots. All others, such as `creating`, `updating` or `exporting`, end by
themselves.
"""

DOCTOR = "Run `butt doctor --cloud scaleway`: it says what is missing."
LONGEST = 200
"""How many characters of a text of Scaleway's we show."""


class Missing(CloudTrouble):
    """The requested resource does not exist."""


def of_server(state: str, allowed_actions: list[Any]) -> Condition:
    """A server that is off and allows no action is still attaching a volume: it cannot be started yet."""
    condition = SERVER.get(state, Condition.BUSY)
    return Condition.BUSY if condition is Condition.STOPPED and not allowed_actions else condition


def of_storage(status: str, *, detaching: bool = False) -> Condition:
    return Condition.BUSY if detaching else STORAGE.get(status, Condition.BUSY)


def raise_for(answer: requests.Response) -> None:
    """Say what went wrong and what can be done. The type of an error says more than its status."""
    status = answer.status_code
    if status < 400:  # noqa: PLR2004
        return
    answered = _told(answer)
    kind, words = str(answered.get("type", "")), str(answered.get("message", ""))[:LONGEST]
    detail = _first(answered.get("details"))
    resource = str(detail.get("resource") or answered.get("resource") or "")[:LONGEST]
    if kind == "out_of_stock":
        raise OutOfStock(
            "Scaleway has no machines of this type left in this zone.",
            "We try other types and zones automatically. Allow more of them in BUTT_SCALEWAY_TYPES and "
            "BUTT_SCALEWAY_ZONES.",
        )
    if kind == "quotas_exceeded" or "quota exceeded" in words.lower():
        raise OverQuota(
            f"The account's quota for {resource or 'this'} is used up.",
            "Ask Scaleway for a higher quota; `butt sweep` lists what nobody uses.",
        )
    if status == 401:  # noqa: PLR2004
        raise Denied(
            "Scaleway refuses the key: it is unknown or has expired.",
            "Set BUTT_SCALEWAY_ACCESS_KEY and BUTT_SCALEWAY_SECRET_KEY to a key that works.",
        )
    if status == 403:  # noqa: PLR2004
        may = f" (to {detail.get('action', 'use')} {resource})" if resource else ""
        raise Denied(f"Scaleway refuses the key: {words or 'it may not do this'}{may}.", DOCTOR)
    if status == 429:  # noqa: PLR2004
        raise CloudTrouble(
            "Scaleway says we send too many requests.",
            "We try again automatically. If this continues, lower BUTT_SCALEWAY_CALLS.",
        )
    if status >= 500 or status == 408:  # noqa: PLR2004
        raise Unsure(
            f"Scaleway has an error on its side (status {status}).",
            "We try again automatically. If this continues, see status.scaleway.com.",
        )
    if status == 404:  # noqa: PLR2004
        raise Missing(f"Scaleway has no such {resource or 'thing'}.", DOCTOR)
    raise _refused(answered, kind, words or f"status {status}", detail, resource)


def _refused(
    answered: dict[str, Any], kind: str, words: str, detail: dict[str, Any], resource: str
) -> CloudTrouble:
    again = "We try again automatically."
    if kind == "transient_state":
        return CloudTrouble(
            f"Scaleway's {resource or 'resource'} is still “{answered.get('current_state')}”.", again
        )
    if kind == "invalid_arguments" and detail:
        why = str(detail.get("help_message") or detail.get("reason") or "")[:LONGEST]
        return CloudTrouble(f"Scaleway refuses the value of “{detail.get('argument_name')}”: {why}.", DOCTOR)
    why = str(answered.get("help_message") or answered.get("precondition") or "")[:LONGEST]
    return CloudTrouble(f"Scaleway refuses: {words}{f' ({why})' if why else ''}.", again)


def _told(answer: requests.Response) -> dict[str, Any]:
    try:
        answered = answer.json()
    except ValueError:
        return {}
    return answered if isinstance(answered, dict) else {}


def _first(details: Any) -> dict[str, Any]:
    first = details[0] if isinstance(details, list) and details else {}
    return first if isinstance(first, dict) else {}
